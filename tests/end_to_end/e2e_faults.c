/* Each allocation and each system call of the running server is made to fail, once and for good.
 * Whoever that hits gets an error or an end; what is answered is right; the server lives, and has
 * lost nothing. */
#include "faults_run.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SITES_MAX   400   /* of one script: more, and the loops below would not end */
#define PATIENCE_MS 30000 /* only ever waited for when something is broken */

static struct faults *faults;

static void faulty_start(struct server *server, const char *const *args)
{
    faults = faults_map();
    server_start(server, args);
    faults_without();
}

static void faulty_stop(struct server *server)
{
    faults->kind = FAULT_NONE;
    assert_int_equal(server_stop(server), 0);
    faults_unmap(faults);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void arm(enum fault_kind kind, long from, long to)
{
    faults_arm(faults, kind, CALLS_SERVING, from, to);
}

/* ---- What is asked. Under dynamic, of modules that answer later as well. ---- */

static char long_call[40000];

static const struct {
    const char *call, *answer; /* the call in two writes, split at '|'; the answer's end, of id 1 */
} script[] = {
    {"{\"id\":1,\"event\":\"slow.now\"}\n|", "\"data\":\"now\"}"},
    {"{\"id\":1,\"event\":\"slow.now\",|\"data\":[1]}\n", "\"data\":\"now\"}"},
    {"{\"id\":1,\"event\":\"slow.after\",\"data\":[2,0]}\n|", "\"data\":[2,0]}"},
    {"{\"id\":1,\"event\":\"slow.after\",\"encoding\":\"base64\",|\"data\":\"WzEsMF0=\"}\n",
     "\"data\":\"WzEsMF0=\"}"},
    {long_call, NULL},
};

/* Sends what goes; a connection that the server has given up is none. */
static bool try_send(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        text += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* One line, without its end. 0: the connection ended instead. */
static size_t try_read_line(int fd, char *line, size_t cap)
{
    for (size_t len = 0; len < cap - 1; len++) {
        ssize_t got = recv(fd, line + len, 1, 0);
        if (got < 0 && errno == EAGAIN)
            fail_msg("the server neither answers nor closes");
        if (got <= 0)
            return 0;
        if (line[len] == '\n') {
            line[len] = '\0';
            return len;
        }
    }
    return 0;
}

static void check_answer(const char *line, const char *answer, bool may_fail)
{
    bool right = answer == NULL || (strncmp(line, "{\"id\":1,", 8) == 0 &&
                                    strcmp(line + strlen(line) - strlen(answer), answer) == 0);
    if (right && strstr(line, "\"error\"") == NULL)
        return;
    bool want = strstr(line, "\"code\":\"no_memory\"") != NULL ||
                strstr(line, "\"code\":\"busy\"") || strstr(line, "\"code\":\"open_failed\"") ||
                strstr(line, "\"code\":\"load_failed\"");
    if (!may_fail || !want)
        fail_msg("answered: %s", line);
}

static void run_script(const struct server *server, bool may_fail)
{
    static char line[sizeof long_call + 200];
    int fd = -1;
    for (size_t i = 0; i < sizeof script / sizeof *script; i++) {
        if (fd < 0)
            fd = client_connect(server->addresses[0]);
        const char *call = script[i].call, *split = strchr(call, '|');
        size_t head = (size_t)(split - call);
        bool open = try_send(fd, call, head) && try_send(fd, split + 1, strlen(split + 1)) &&
                    try_read_line(fd, line, sizeof line) > 0;
        assert_true(open || may_fail);
        if (open) {
            check_answer(line, script[i].answer, may_fail);
        } else {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        (void)close(fd);
}

/* Afterwards all is as before: every call is answered, no descriptor and no block is lost. */
static void settle_down(const struct server *server, size_t *ret_fds, long *ret_held)
{
    arm(FAULT_NONE, 0, 0);
    run_script(server, false);
    /* Its connection's end was seen before this one's calls were answered. */
    int fd = client_connect(server->addresses[0]);
    for (int i = 0; i < 2; i++) {
        char line[100];
        client_send_text(fd, "{\"event\":\"slow.now\"}\n");
        (void)client_read_line(fd, line, sizeof line);
    }
    *ret_fds = faults_descriptors(server);
    *ret_held = faults->held;
    (void)close(fd);
}

/* The same, again and again until there is as much as before, or for as long as one waits for what
 * is broken: a connection that was not watched is found by a timer. */
static void settle_to(const struct server *server, size_t fds, long held, size_t *ret_fds,
                      long *ret_held)
{
    int64_t end = now_ms() + PATIENCE_MS;
    do
        settle_down(server, ret_fds, ret_held);
    while ((*ret_fds != fds || *ret_held > held) && now_ms() < end);
}

static void fail_each(enum fault_kind kind, bool for_good)
{
    struct server server;
    const char *args[] = {"--dispatch=dynamic", "--modules=" EVD_TEST_MODULES_PATH, NULL};
    size_t fds, fds_after;
    long held, held_after, n = 1;
    faulty_start(&server, args);
    settle_down(&server, &fds, &held);
    settle_down(&server, &fds, &held);
    for (;; n++) {
        assert_true(n < SITES_MAX);
        arm(kind, n, for_good ? LONG_MAX : n);
        run_script(&server, true);
        bool reached = faults->asked >= n;
        settle_to(&server, fds, held, &fds_after, &held_after);
        if (fds_after != fds || held_after > held)
            fail_msg("number %ld: %zu descriptors, %zu before; %ld blocks, %ld before", n,
                     fds_after, fds, held_after, held);
        if (!reached)
            break;
    }
    print_message("%ld sites\n", n - 1);
    assert_true(n > 5);
    faulty_stop(&server);
}

static void each_allocation_may_fail_once(void **state)
{
    (void)state;
    if (EVD_FAULTS_NO_MALLOC)
        skip();
    fail_each(FAULT_ALLOCATIONS, false);
}

static void memory_may_run_out_for_good(void **state)
{
    (void)state;
    if (EVD_FAULTS_NO_MALLOC)
        skip();
    fail_each(FAULT_ALLOCATIONS, true);
}

/* libev would end the process: its tables have a reserve. */
static void the_loop_has_a_reserve(void **state)
{
    (void)state;
    enum { CLIENTS = 400 };
    struct server server;
    const char *args[] = {NULL};
    int fds[CLIENTS];
    char line[100];
    if (EVD_FAULTS_NO_MALLOC)
        skip();
    faulty_start(&server, args);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(server.addresses[0]);
        client_send_text(fds[i], "{\"event\":\"api.services.status\"}\n");
        (void)client_read_line(fds[i], line, sizeof line);
        assert_string_equal(line, "{\"data\":\"online\"}");
        if (i == 0)
            arm(FAULT_TABLES, 1, LONG_MAX);
    }
    assert_true(faults->asked > 0);
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    faulty_stop(&server);
    assert_string_equal(server.errors, "");
}

static void each_system_call_may_fail_once(void **state)
{
    (void)state;
    fail_each(FAULT_CALLS, false);
}

/* ---- Calls that fail from some moment on. ---- */

/* Without an answer for so long, a client waits for the fault to be over; that decides nothing. */
#define WAIT_MS    30
#define LIFTED_MAX 1000 /* times that a fault was lifted before it was met, on a slow machine */

/* Who gets no answer while it fails has one soon afterwards, or an end. Returns whether somebody
 * waited, for whom the fault was lifted. */
static bool run_until_it_waits(const struct server *server)
{
    static char line[sizeof long_call + 200];
    for (size_t i = 0; i < sizeof script / sizeof *script; i++) {
        int fd = client_connect(server->addresses[0]);
        struct pollfd answered = {.fd = fd, .events = POLLIN};
        const char *call = script[i].call, *split = strchr(call, '|');
        bool sent = try_send(fd, call, (size_t)(split - call)) &&
                    try_send(fd, split + 1, strlen(split + 1));
        bool waits = sent && poll(&answered, 1, WAIT_MS) == 0;
        if (!faults_it_sleeps(faults))
            fail_msg("%ld waits: it does not sleep", (long)faults->waits);
        if (waits)
            faults->kind = FAULT_NONE;
        if (sent && try_read_line(fd, line, sizeof line) > 0)
            check_answer(line, script[i].answer, true);
        (void)close(fd);
        if (waits)
            return true;
    }
    return false;
}

static void fail_for_good(const struct server *server, unsigned calls, const char *name)
{
    size_t fds, fds_after;
    long held, held_after, n = 1;
    int lifted = 0;
    settle_down(server, &fds, &held);
    settle_down(server, &fds, &held);
    for (bool goes_on = true; goes_on;) {
        assert_true(n < SITES_MAX && lifted < LIFTED_MAX);
        faults_arm(faults, FAULT_CALLS, calls, n, LONG_MAX);
        bool waited = run_until_it_waits(server);
        bool reached = faults->asked >= n;
        settle_to(server, fds, held, &fds_after, &held_after);
        if (fds_after != fds || held_after > held)
            fail_msg("%s %ld: %zu descriptors, %zu before; %ld blocks, %ld before", name, n,
                     fds_after, fds, held_after, held);
        lifted += waited && !reached; /* nobody came that far: once more */
        n += reached;
        goes_on = reached || waited;
    }
    print_message("%s: %ld sites\n", name, n - 1);
    assert_true(n > 1);
}

static void each_system_call_may_fail_for_good(void **state)
{
    (void)state;
    static const struct {
        unsigned calls;
        const char *name;
    } kinds[] = {
        {CALL_RECV, "recv"},
        {CALL_SEND, "send"},
        {CALL_ACCEPT, "accept4"},
        {CALL_EPOLL_CTL, "epoll_ctl"},
        {CALL_SETSOCKOPT, "setsockopt"},
    };
    struct server server;
    const char *args[] = {"--dispatch=dynamic", "--modules=" EVD_TEST_MODULES_PATH, NULL};
    faulty_start(&server, args);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        fail_for_good(&server, kinds[i].calls, kinds[i].name);
    faulty_stop(&server);
}

/* Modules are loaded by the first call to them: it fails, and later ones do not. */
static void loading_may_fail_for_good(void **state)
{
    (void)state;
    static const unsigned calls[] = {CALL_OPEN, CALL_MEMFD, CALL_SENDFILE};
    static const char *const loads[] = {"--dynamic-load=call", "--dynamic-load=cached"};
    for (size_t i = 0; i < 6; i++) {
        struct server server;
        const char *args[] = {"--dispatch=dynamic", loads[i % 2],
                              "--modules=" EVD_TEST_MODULES_PATH, NULL};
        long n = 1;
        for (bool reached = true; reached; n++) {
            assert_true(n < SITES_MAX);
            faulty_start(&server, args);
            faults_arm(faults, FAULT_CALLS, calls[i / 2], n, LONG_MAX);
            run_script(&server, true);
            reached = faults->asked >= n;
            arm(FAULT_NONE, 0, 0);
            run_script(&server, false);
            faulty_stop(&server);
        }
        print_message("%s, calls 0x%x: %ld sites\n", loads[i % 2], calls[i / 2], n - 2);
        assert_true(n > 2);
    }
}

static void calls_may_be_interrupted(void **state)
{
    (void)state;
    struct server server;
    const char *args[] = {"--dispatch=dynamic", "--modules=" EVD_TEST_MODULES_PATH, NULL};
    faulty_start(&server, args);
    arm(FAULT_INTERRUPTS, 0, 0);
    run_script(&server, false);
    assert_true(faults->asked > 20);
    faulty_stop(&server);
    assert_string_equal(server.errors, "");
}

static void reads_and_writes_may_be_short(void **state)
{
    (void)state;
    struct server server;
    const char *args[] = {"--dispatch=dynamic", "--modules=" EVD_TEST_MODULES_PATH, NULL};
    faulty_start(&server, args);
    arm(FAULT_SHORT, 0, 0);
    run_script(&server, false);
    faulty_stop(&server);
    assert_string_equal(server.errors, "");
}

/* Somebody sets the clock all the time: no call is answered before it may be, and all are; who is
 * silent goes when its time is over, and not before. */
static void set_the_clock(long by)
{
    struct server server;
    const char *args[] = {"--dispatch=dynamic", "--modules=" EVD_TEST_MODULES_PATH,
                          "--first-byte-timeout=400ms", NULL};
    char line[100];
    faulty_start(&server, args);
    arm(FAULT_CLOCK, by, 0);
    int fd = client_connect_in_time(server.addresses[0], "{\"event\":\"slow.now\"}\n",
                                    "{\"data\":\"now\"}");
    int64_t began = now_ms();
    int silent = client_connect(server.addresses[0]);
    client_send_text(fd, "{\"event\":\"slow.after\",\"data\":[3,20]}\n");
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, "{\"data\":[3,20]}");
    assert_true(now_ms() - began >= 3 * 20);
    assert_int_equal(recv(silent, line, sizeof line, 0), 0);
    assert_true(now_ms() - began >= 350); /* its clock is a few milliseconds coarse */
    client_send_text(fd, "{\"event\":\"slow.now\"}\n");
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, "{\"data\":\"now\"}");
    assert_true(faults->asked > 0);
    (void)close(fd);
    (void)close(silent);
    faulty_stop(&server);
    assert_string_equal(server.errors, "");
}

static void the_wall_clock_may_jump(void **state)
{
    (void)state;
    set_the_clock(3600);
    set_the_clock(-3600);
}

/* ---- Descriptors run out. ---- */

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

enum { FEW = 32 };

/* In the child: so many descriptors, of which it may allow itself more, or not. */
static void allow_few(void *context)
{
    const bool *at_most = context;
    struct rlimit limit;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = FEW;
    if (*at_most)
        limit.rlim_max = FEW;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void start_with_few(struct server *server, bool at_most)
{
    const char *args[] = {NULL};
    const struct in_child prepare = {allow_few, &at_most};
    server_start_in(server, args, &prepare, 1);
}

/* The soft limit is no reason to refuse anybody. */
static void the_soft_limit_is_raised(void **state)
{
    (void)state;
    enum { CLIENTS = 2 * FEW };
    struct server server;
    char line[300];
    int fds[CLIENTS];
    start_with_few(&server, false);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(server.addresses[0]);
        client_send_text(fds[i], "{\"event\":\"api.services.status\"}\n");
        (void)client_read_line(fds[i], line, sizeof line);
        assert_string_equal(line, "{\"data\":\"online\"}");
    }
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    assert_int_equal(server_stop(&server), 0);
    assert_string_equal(server.errors, "");
}

/* What it says of itself behind its addresses. */
static void expect_said(const struct server *server, const char *part)
{
    char text[1000];
    size_t len = 0;
    while (len < sizeof text - 1) {
        struct pollfd more = {.fd = server->out, .events = POLLIN};
        assert_int_equal(poll(&more, 1, 30000), 1);
        ssize_t got = read(server->out, text + len, sizeof text - 1 - len);
        assert_true(got > 0);
        len += (size_t)got;
        text[len] = '\0';
        if (strstr(text, part) != NULL)
            return;
    }
    fail_msg("it says: %s", text);
}

static void out_of_descriptors(void **state)
{
    (void)state;
    enum { CLIENTS = 40 };
    struct server server;
    char line[300];
    int fds[CLIENTS], open = 0, refused = 0;
    start_with_few(&server, true);
    expect_said(&server, "descriptors: 32 are allowed (ulimit -Hn, LimitNOFILE=), 10000 "
                         "connections need ");
    for (int i = 0; i < CLIENTS; i++) {
        int fd = client_connect(server.addresses[0]);
        (void)try_send(fd, "{\"event\":\"api.services.status\"}\n", 32);
        size_t len = try_read_line(fd, line, sizeof line);
        if (len > 0 && strcmp(line, "{\"data\":\"online\"}") == 0) {
            fds[open++] = fd;
        } else {
            assert_true(len == 0 || strstr(line, "\"code\":\"busy\"") != NULL);
            refused++;
            (void)close(fd);
        }
    }
    print_message("%d open, %d refused\n", open, refused);
    assert_true(open > 5 && refused > 5);
    for (int i = 0; i < open; i++) { /* who is in goes on */
        client_send_text(fds[i], "{\"event\":\"api.services.status\"}\n");
        (void)client_read_line(fds[i], line, sizeof line);
        assert_string_equal(line, "{\"data\":\"online\"}");
    }
    /* One that leaves makes room for one, at once: its end is seen when this is answered. */
    assert_int_equal(shutdown(fds[0], SHUT_WR), 0);
    assert_int_equal(client_read_all(fds[0], line, sizeof line), 0);
    (void)close(fds[0]);
    fds[0] = client_connect(server.addresses[0]);
    client_send_text(fds[0], "{\"event\":\"api.services.status\"}\n");
    (void)client_read_line(fds[0], line, sizeof line);
    assert_string_equal(line, "{\"data\":\"online\"}");
    for (int i = 0; i < open; i++)
        (void)close(fds[i]);
    assert_int_equal(server_stop(&server), 0);
    assert_int_equal(count_of(server.errors, "accepting fails"), 1);
    assert_int_equal(count_of(server.errors, "\n"), 1);
}

/* Not even the spare one helps: no busy loop, one line, and then it goes on. */
static void accepting_is_paused(void **state)
{
    (void)state;
    struct server server;
    const char *args[] = {NULL};
    char line[300];
    faulty_start(&server, args);
    int in = client_connect(server.addresses[0]);
    client_send_text(in, "{\"event\":\"api.services.status\"}\n");
    (void)client_read_line(in, line, sizeof line);
    int64_t began = now_ms();
    faults_arm(faults, FAULT_CALLS, CALL_ACCEPT, 1, LONG_MAX);
    int waits = client_connect(server.addresses[0]);
    client_send_text(waits, "{\"event\":\"api.services.status\"}\n");
    for (int i = 0; i < 100; i++) {
        client_send_text(in, "{\"event\":\"api.services.status\"}\n");
        (void)client_read_line(in, line, sizeof line);
    }
    /* It is not asked in every turn, of which each of these was one, but ten times a second. */
    long asked = faults->asked;
    assert_in_range(asked, 1, 2 + (now_ms() - began) / 90);
    faults->kind = FAULT_NONE;
    (void)client_read_line(waits, line, sizeof line);
    assert_string_equal(line, "{\"data\":\"online\"}");
    (void)close(in);
    (void)close(waits);
    faulty_stop(&server);
    assert_int_equal(count_of(server.errors, "\n"), 1);
}

/* A Unix socket's name is removed while it still listens: behind a name where nobody does, another
 * server would put its own, which this one would then remove. */
static void a_name_goes_before_its_socket(void **state)
{
    (void)state;
    static const char *const workers[] = {"--workers=1", "--workers=3"};
    char path[140], listen[160];
    (void)snprintf(path, sizeof path, "%s/name.sock", scratch_dir());
    (void)snprintf(listen, sizeof listen, "--listen=unix://%s", path);
    for (size_t i = 0; i < 2; i++) {
        struct server server;
        const char *args[] = {workers[i], listen, NULL};
        faulty_start(&server, args);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(server_stop(&server), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(faults->orphans, 0);
        faults_unmap(faults);
    }
    struct server server; /* the same of a start that fails behind it */
    const char *args[] = {listen, "--port-file=/nonexistent/port", NULL};
    faults = faults_map();
    assert_false(server_may_start(&server, args));
    faults_without();
    assert_int_equal(server_wait(&server), 1);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(faults->orphans, 0);
    faults_unmap(faults);
}

int main(void)
{
    static const char head[] = "{\"id\":1,\"event\":\"slow.now\",\"data\":\"";
    memset(long_call, 'x', sizeof long_call - 1);
    memcpy(long_call, head, sizeof head - 1);
    memcpy(long_call + sizeof long_call - 5, "\"}\n|", 4);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail_once),
        cmocka_unit_test(memory_may_run_out_for_good),
        cmocka_unit_test(the_loop_has_a_reserve),
        cmocka_unit_test(each_system_call_may_fail_once),
        cmocka_unit_test(each_system_call_may_fail_for_good),
        cmocka_unit_test(loading_may_fail_for_good),
        cmocka_unit_test(calls_may_be_interrupted),
        cmocka_unit_test(reads_and_writes_may_be_short),
        cmocka_unit_test(the_wall_clock_may_jump),
        cmocka_unit_test(the_soft_limit_is_raised),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(accepting_is_paused),
        cmocka_unit_test(a_name_goes_before_its_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
