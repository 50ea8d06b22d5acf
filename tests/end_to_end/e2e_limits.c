/* Every limit on a connection's time and on what it may hold, and what is seen at it. */
#include "harness.h"

#include "server/wire/base64.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#define WORKER_BYTES (512ul * 1024) /* what it reads into, answers from, and calls with */

#define STATUS "{\"event\":\"api.services.status\"}\n"
#define ONLINE "{\"data\":\"online\"}"

static void expect_online(int fd)
{
    char line[256];
    client_send_text(fd, STATUS);
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, ONLINE);
}

static void expect_end(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0); /* or the time-out of the socket fails it */
    (void)close(fd);
}

static bool is_open(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

static void a_first_byte_is_awaited(void **state)
{
    (void)state;
    struct server server;
    const char *args[] = {"--first-byte-timeout=300ms", NULL};
    server_start(&server, args);
    int silent = client_connect(server.addresses[0]);
    int spoke = client_connect_in_time(server.addresses[0], STATUS, ONLINE);
    expect_end(silent);
    expect_online(spoke); /* it may be silent now */
    (void)close(spoke);
    assert_int_equal(server_stop(&server), 0);
}

/* A message that is refused before its end, which never comes: whether that was told, before its
 * time was over. Where this machine has not let all of it through by then, it was not. */
static bool is_refused_and_ended(const char *address)
{
    static char longest[2u << 20];
    char text[1024];
    int fd = client_connect(address);
    ssize_t sent = 1, got;
    size_t len = 0;
    memset(longest, 'x', sizeof longest);
    longest[0] = '{';
    for (size_t at = 0; at < sizeof longest && sent > 0; at += (size_t)sent)
        sent = send(fd, longest + at, sizeof longest - at, MSG_NOSIGNAL);
    while ((got = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0)
        len += (size_t)got;
    assert_true(got == 0 || errno == ECONNRESET || errno == EPIPE); /* an end */
    text[len] = '\0';
    (void)close(fd);
    return strstr(text, "too_large") != NULL;
}

/* A byte at a time keeps no message alive; a connection whose messages are whole is left alone. */
static void a_message_must_end(void **state)
{
    (void)state;
    struct server server;
    const char *args[] = {"--message-timeout=400ms", NULL};
    server_start(&server, args);
    int slow = client_connect(server.addresses[0]), whole = client_connect(server.addresses[0]);
    client_send_text(slow, "{");
    struct pollfd ended = {.fd = slow, .events = POLLIN};
    while (poll(&ended, 1, 20) == 0) {
        (void)!send(slow, " ", 1, MSG_NOSIGNAL);
        expect_online(whole);
    }
    char text[1024];
    assert_true(recv(slow, text, sizeof text, 0) <= 0); /* an end, or a reset by the last byte */
    (void)close(slow);
    expect_online(whole);
    int tries = 0;
    while (!is_refused_and_ended(server.addresses[0]))
        assert_true(++tries < 75); /* half a minute */
    (void)close(whole);
    assert_int_equal(server_stop(&server), 0);
}

static void a_call_must_end(void **state)
{
    (void)state;
    struct server server;
    char line[300];
    const char *args[] = {"--dispatch=dynamic", "--modules=" EVD_TEST_MODULES_PATH,
                          "--call-timeout=300ms", NULL};
    server_start(&server, args);
    int fd = client_connect(server.addresses[0]);
    client_send_text(fd,
                     "{\"id\":1,\"event\":\"defer.hold\"}\n{\"id\":2,\"event\":\"slow.now\"}\n");
    (void)client_read_line(fd, line, sizeof line);
    assert_non_null(strstr(line, "{\"id\":1,\"error\":{\"code\":\"timed_out\""));
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, "{\"id\":2,\"data\":\"now\"}");
    (void)close(fd);
    assert_int_equal(server_stop(&server), 0);
    assert_non_null(strstr(server.errors, "cancelled"));
}

/* ---- What one may hold. ---- */

/* Calls for answers of `size` bytes each, until the server takes no more. */
static void stuff(int fd, size_t size)
{
    char *call = malloc(size);
    assert_non_null(call);
    memset(call, 'y', size);
    memcpy(call, "{\"event\":\"api.test.board\",\"data\":\"", 34);
    memcpy(call + size - 3, "\"}\n", 3);
    for (size_t sent = 0; sent < (64u << 20);) {
        struct pollfd full = {.fd = fd, .events = POLLOUT};
        if (poll(&full, 1, 200) == 0)
            break;
        ssize_t n = send(fd, call + sent % size, size - sent % size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    free(call);
}

/* Twenty who do not read: together they hold no more than the budget and one of them. */
static void a_budget_is_kept(void **state)
{
    (void)state;
    enum { SLOW = 20 };
    struct server server;
    int fds[SLOW], open = 0;
    const char *args[] = {"--max-memory=4m", "--output-pause=1m", "--max-output=1m", NULL};
    server_start(&server, args);
    int quick = client_connect(server.addresses[0]);
    expect_online(quick);
    size_t before = server_resident_bytes(&server);
    for (int i = 0; i < SLOW; i++) {
        fds[i] = client_connect(server.addresses[0]);
        stuff(fds[i], 65536);
        expect_online(quick); /* it holds nothing, and is served */
    }
    size_t after = server_resident_bytes(&server);
    for (int i = 0; i < SLOW; i++) {
        struct pollfd state_of = {.fd = fds[i], .events = POLLRDHUP};
        open += poll(&state_of, 1, 0) == 0 || (state_of.revents & (POLLERR | POLLHUP)) == 0;
        (void)close(fds[i]);
    }
    print_message("grew by %zu KiB; %d of %d are open\n", (after - before) / 1024, open, SLOW);
    if (!EVD_FAULTS_NO_MALLOC)
        assert_true(after < before + (4u << 20) + (3u << 20) + (1u << 20));
    (void)close(quick);
    assert_int_equal(server_stop(&server), 0);
}

/* Half messages hold memory too: whoever holds most goes, and is told of in one line. */
static void the_largest_holder_goes(void **state)
{
    (void)state;
    enum { HALVES = 12 };
    struct server server;
    static char half[900000];
    int fds[HALVES], open = 0;
    const char *args[] = {"--max-memory=4m", NULL};
    server_start(&server, args);
    int small = client_connect(server.addresses[0]), quick = client_connect(server.addresses[0]);
    client_send_text(small, "{\"event\":");
    expect_online(quick);
    memset(half, ' ', sizeof half);
    half[0] = '{';
    for (int i = 0; i < HALVES; i++) {
        fds[i] = client_connect(server.addresses[0]);
        for (size_t sent = 0; sent < sizeof half;) {
            ssize_t n = send(fds[i], half + sent, sizeof half - sent, MSG_NOSIGNAL);
            if (n < 0)
                break;
            sent += (size_t)n;
        }
        expect_online(quick);
    }
    for (int round = 0; round < 300; round++) { /* what was sent has to be read first */
        open = 0;
        for (int i = 0; i < HALVES; i++) {
            struct pollfd ended = {.fd = fds[i], .events = POLLIN | POLLRDHUP};
            open += poll(&ended, 1, 10) == 0;
        }
        if (open <= 4)
            break;
    }
    print_message("%d of %d are open\n", open, HALVES);
    assert_true(open <= 4 && open >= 2);
    assert_true(is_open(small));
    client_send_text(small, "\"api.services.status\"}\n");
    char line[100];
    (void)client_read_line(small, line, sizeof line);
    assert_string_equal(line, ONLINE);
    for (int i = 0; i < HALVES; i++)
        (void)close(fds[i]);
    (void)close(small);
    (void)close(quick);
    assert_int_equal(server_stop(&server), 0);
    char *told = strstr(server.errors, "--max-memory");
    assert_non_null(told);
    assert_null(strstr(told + 1, "--max-memory"));
}

/* Near the budget, who does not read has no more of its calls made, and so nobody has to go. */
static void who_is_slow_waits_when_it_is_tight(void **state)
{
    (void)state;
    enum { HELD = 3500000 }; /* of a buffer of 4 MiB, which is over three quarters of 5 */
    struct server server;
    const char *args[] = {"--max-memory=5m", "--max-frame=4m", "--output-pause=1m", NULL};
    char *half = malloc(HELD), line[100];
    assert_non_null(half);
    memset(half, ' ', HELD);
    server_start(&server, args);
    int holder = client_connect(server.addresses[0]);
    client_send_text(holder, "{");
    client_send(holder, half, HELD);
    int slow = client_connect(server.addresses[0]);
    stuff(slow, 65536);
    client_send_text(holder, "\"event\":\"api.services.status\"}\n");
    (void)client_read_line(holder, line, sizeof line);
    assert_string_equal(line, ONLINE);
    free(half);
    (void)close(holder);
    (void)close(slow);
    assert_int_equal(server_stop(&server), 0);
    assert_string_equal(server.errors, "");
}

/* An answer has a size of its own, whatever waits before it. */
static void an_answer_may_be_too_large(void **state)
{
    (void)state;
    struct server server;
    static char call[90000], line[100000];
    const char *args[] = {"--max-output=64k", NULL};
    server_start(&server, args);
    int fd = client_connect(server.addresses[0]);
    for (size_t size = 60000; size < sizeof call; size += 20000) {
        memset(call, 'y', size);
        memcpy(call, "{\"event\":\"api.test.board\",\"data\":\"", 34);
        memcpy(call + size - 3, "\"}\n", 3);
        client_send(fd, call, size);
        (void)client_read_line(fd, line, sizeof line);
        assert_int_equal(strstr(line, "too_large") != NULL, size > 65536);
    }
    expect_online(fd);
    (void)close(fd);
    assert_int_equal(server_stop(&server), 0);
}

/* The text is small enough, its tree is not; the next one has all of the room again. */
static void a_tree_may_be_too_large(void **state)
{
    (void)state;
    struct server server;
    static char call[20000];
    char line[300];
    const char *args[] = {"--max-tree=64k", NULL};
    server_start(&server, args);
    int fd = client_connect(server.addresses[0]);
    for (int round = 0; round < 3; round++) {
        size_t len = (size_t)sprintf(call, "{\"event\":\"api.hello.greeting\",\"data\":{\"x\":[1");
        while (len < sizeof call - 100)
            len += (size_t)sprintf(call + len, ",1");
        (void)sprintf(call + len, "],\"name\":\"Ada\"}}\n");
        client_send_text(fd, call);
        (void)client_read_line(fd, line, sizeof line);
        assert_non_null(strstr(line, "{\"error\":{\"code\":\"no_memory\""));
        client_send_text(fd, "{\"event\":\"api.hello.greeting\",\"data\":{\"name\":\"Ada\"}}\n");
        (void)client_read_line(fd, line, sizeof line);
        assert_string_equal(line, "{\"data\":\"You're welcome Ada\"}");
    }
    (void)close(fd);
    assert_int_equal(server_stop(&server), 0);
}

/* Who pipelines much gets all its answers, though others come between. */
static void a_turn_ends(void **state)
{
    (void)state;
    enum { CALLS = 1000 };
    struct server server;
    static char calls[CALLS * sizeof STATUS];
    char line[100];
    const char *args[] = {"--max-calls=7", NULL};
    server_start(&server, args);
    for (int i = 0; i < CALLS; i++)
        memcpy(calls + (size_t)i * strlen(STATUS), STATUS, strlen(STATUS));
    int fd = client_connect(server.addresses[0]);
    client_send(fd, calls, CALLS * strlen(STATUS));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    FILE *in = fdopen(fd, "r");
    for (int i = 0; i < CALLS; i++) {
        assert_non_null(fgets(line, sizeof line, in));
        assert_string_equal(line, ONLINE "\n");
    }
    assert_null(fgets(line, sizeof line, in));
    (void)fclose(in);
    assert_int_equal(server_stop(&server), 0);
}

/* ---- The formula that is printed at the start. ---- */

/* As printed when it starts: what it has, and what a connection costs. */
static void read_formula(struct server *server, size_t *ret_has, size_t *ret_each)
{
    char out[1000];
    unsigned long kib = 0, each = 0;
    size_t len = 0;
    while (len < sizeof out - 1 && memchr(out, '\n', len) == NULL) {
        ssize_t got = read(server->out, out + len, sizeof out - 1 - len);
        assert_true(got > 0);
        len += (size_t)got;
    }
    out[len] = '\0';
    print_message("%s", out);
    assert_int_equal(sscanf(out, "memory: %lu KiB + %lu bytes x connections", &kib, &each), 2);
    *ret_has = kib * 1024;
    *ret_each = each;
}

/* The slope between a few and many who are idle, and the sum. 4,200: just behind the size at which
 * tables that double have done so. */
static void idle_connections_cost_little(const char *workers, size_t most)
{
    enum { FEW = 1000, MANY = 4200 };
    struct server server;
    static int fds[MANY];
    size_t has, each, anonymous[2] = {0}, resident;
    const char *args[] = {workers, NULL};
    server_start(&server, args);
    read_formula(&server, &has, &each);
    for (int i = 0; i < MANY; i++) {
        if (i == FEW)
            anonymous[0] = server_anonymous_bytes(&server);
        fds[i] = client_connect(server.addresses[0]);
        expect_online(fds[i]);
    }
    anonymous[1] = server_anonymous_bytes(&server);
    resident = server_resident_bytes(&server);
    size_t slope = (anonymous[1] - anonymous[0]) / (MANY - FEW);
    print_message("%s: %zu bytes a connection, %zu KiB with %d\n", workers, slope, resident / 1024,
                  MANY);
    if (!EVD_FAULTS_NO_MALLOC) {
        assert_true(slope <= each && each <= most && slope > 200);
        assert_true(resident < has + each * MANY + WORKER_BYTES * (size_t)(workers[10] - '0'));
    }
    for (int i = 0; i < MANY; i++)
        (void)close(fds[i]);
    assert_int_equal(server_stop(&server), 0);
}

static void an_idle_connection_costs_little(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 4500) {
        print_message("skipped: ulimit -Hn is below 4500\n");
        skip();
    }
    idle_connections_cost_little("--workers=1", 599);
    /* In each other worker's table of descriptors there is a place for it, too. */
    idle_connections_cost_little("--workers=8", 599 + 7 * 32);
}

static void the_formula_holds(void **state)
{
    (void)state;
    enum { CLIENTS = 2000 };
    struct server server;
    static int fds[CLIENTS + 1];
    char out[1000];
    size_t has, each;
    const char *args[] = {"--max-memory=8m", NULL};
    server_start(&server, args);
    read_formula(&server, &has, &each);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(server.addresses[0]);
        expect_online(fds[i]);
    }
    size_t now = server_resident_bytes(&server);
    print_message("%zu KiB with %d connections\n", now / 1024, CLIENTS);
    if (!EVD_FAULTS_NO_MALLOC)
        assert_true(now < has + each * CLIENTS + WORKER_BYTES);
    for (int i = 0; i < CLIENTS; i++)
        client_send_text(fds[i], "{\"event\":");
    expect_online(fds[CLIENTS] = client_connect(server.addresses[0]));
    for (int i = 0; i < CLIENTS; i++)
        client_send_text(fds[i], "\"api.services");
    expect_online(fds[CLIENTS]); /* a few bytes cost no buffer for a whole read */
    now = server_resident_bytes(&server);
    print_message("%zu KiB with %d half messages\n", now / 1024, CLIENTS);
    if (!EVD_FAULTS_NO_MALLOC)
        assert_true(now < has + (each + 1024) * CLIENTS + WORKER_BYTES);
    for (int i = 0; i < CLIENTS; i++) { /* nor would the budget have had room for one each */
        client_send_text(fds[i], ".status\"}\n");
        (void)client_read_line(fds[i], out, sizeof out);
        assert_string_equal(out, ONLINE);
    }
    for (int i = 0; i <= CLIENTS; i++)
        (void)close(fds[i]);
    assert_int_equal(server_stop(&server), 0);
}

/* ---- The sockets. ---- */

/* A copy of the server's descriptor, or -1: not allowed here. */
static int borrow(int pidfd, int fd)
{
    return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

static void sockets_are_set(void **state)
{
    (void)state;
    struct server server;
    const char *args[] = {NULL};
    int listening = 0, connected = 0;
    server_start(&server, args);
    int client = client_connect(server.addresses[0]);
    expect_online(client);
    int pidfd = (int)syscall(SYS_pidfd_open, server.pid, 0);
    assert_true(pidfd >= 0);
    for (int i = 0; i < 100; i++) {
        int fd = borrow(pidfd, i), listens = 0, reuse = 0, no_delay = 0;
        socklen_t len = sizeof listens;
        if (fd < 0 && errno == EPERM) {
            print_message("descriptors of another process are not to be had here\n");
            (void)server_stop(&server);
            skip();
        }
        if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 &&
            getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &len) == 0) {
            assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &len), 0);
            assert_true(listens ? reuse : no_delay);
            listening += listens;
            connected += !listens;
        }
        if (fd >= 0)
            (void)close(fd);
    }
    assert_int_equal(listening, 1);
    assert_int_equal(connected, 1);
    (void)close(pidfd);
    (void)close(client);
    assert_int_equal(server_stop(&server), 0);
}

/* 1 MB of zeros in 1 KB of gzip, and 40 KB of them in 60 bytes. */
static void a_bomb_is_known_by_its_ratio(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *option;
        bool refused;
    } cases[] = {
        {40000, "--max-ratio=256", false}, /* too little to be judged */
        {1000000, "--max-ratio=256", true},
        {1000000, "--max-ratio=1032", false},
    };
    struct server server;
    static char zeros[1000000], line[1100000], base64[8000];
    static unsigned char gz[4000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *args[] = {cases[i].option, NULL};
        server_start(&server, args);
        int fd = client_connect(server.addresses[0]);
        z_stream z = {0};
        assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
        memset(zeros, '0', sizeof zeros);
        zeros[0] = zeros[cases[i].len - 1] = '"';
        z.next_in = (unsigned char *)zeros;
        z.avail_in = (unsigned)cases[i].len;
        z.next_out = gz;
        z.avail_out = sizeof gz;
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        size_t len = evd_base64_encode(evd_slice((char *)gz, z.total_out), base64);
        assert_int_equal(deflateEnd(&z), Z_OK);
        client_send_text(fd,
                         "{\"event\":\"api.test.board\",\"encoding\":\"base64+gzip\",\"data\":\"");
        client_send(fd, base64, len);
        client_send_text(fd, "\"}\n");
        (void)client_read_line(fd, line, sizeof line);
        assert_int_equal(strstr(line, "too_large") != NULL, cases[i].refused);
        (void)close(fd);
        assert_int_equal(server_stop(&server), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_byte_is_awaited),
        cmocka_unit_test(a_message_must_end),
        cmocka_unit_test(a_call_must_end),
        cmocka_unit_test(a_budget_is_kept),
        cmocka_unit_test(the_largest_holder_goes),
        cmocka_unit_test(an_answer_may_be_too_large),
        cmocka_unit_test(a_tree_may_be_too_large),
        cmocka_unit_test(a_turn_ends),
        cmocka_unit_test(who_is_slow_waits_when_it_is_tight),
        cmocka_unit_test(an_idle_connection_costs_little),
        cmocka_unit_test(the_formula_holds),
        cmocka_unit_test(sockets_are_set),
        cmocka_unit_test(a_bomb_is_known_by_its_ratio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
