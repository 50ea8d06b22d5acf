/* Each allocation and each system call fails, once and for good, in every backend, for every
 * protocol and codec, and for the pages: what e2e_faults.c does in depth for one of them. */
#include "faults_run.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SITES_MAX  400  /* of one script: more, and the loops below would not end */
#define WAIT_MS    50   /* without an answer, the fault is lifted; that decides nothing */
#define LIFTED_MAX 1000 /* times that it was lifted before it was met, on a slow machine */

static struct faults *faults;

static const struct {
    const char *name, *args[4];
} arms[] = {
    {"static", {"--dispatch=static"}},
    {"instance", {"--dispatch=instance"}},
    {"instance, pool", {"--dispatch=instance", "--instance-alloc=pool"}},
    {"dynamic", {"--dispatch=dynamic", "--modules=" EVD_MODULES_PATH}},
    {"dynamic, call", {"--dispatch=dynamic", "--dynamic-load=call", "--modules=" EVD_MODULES_PATH}},
};

/* One connection each: the bytes, then the end. What comes back begins and goes on like this. */
#define FRAME "\xED\x01\x01\0\0\0\0\x13\0\0\0\0\0\0\0\x07\0\x13\0\0api.services.status"
static const struct {
    const char *name, *bytes;
    size_t len;
    const char *begins, *has;
} script[] = {
#define EXCHANGE(name, bytes, begins, has)                                                         \
    {                                                                                              \
        name, bytes, sizeof bytes - 1, begins, has                                                 \
    }
    EXCHANGE("line", "{\"id\":1,\"event\":\"api.services.status\"}\n",
             "{\"id\":1,\"data\":\"online\"}\n", ""),
    EXCHANGE("tree", "{\"event\":\"api.hello.greeting\",\"data\":{\"name\":\"Ada\"}}\n",
             "{\"data\":\"You're welcome Ada\"}\n", ""),
    EXCHANGE("state", "{\"event\":\"api.counter.next\"}\n", "{\"data\":", "}\n"),
    EXCHANGE("base64",
             "{\"event\":\"api.test.board\",\"encoding\":\"base64\",\"data\":\"eyJhIjoxfQ==\"}\n",
             "{\"data\":\"eyJhIjoxfQ==\"", "}\n"),
    EXCHANGE("gzip",
             "{\"event\":\"api.test.board\",\"encoding\":\"base64+gzip\",\"data\":"
             "\"H4sIAAAAAAACA6tWSlSyMqwFAK+sG1YHAAAA\"}\n",
             "{\"data\":\"H4sI", "}\n"),
    EXCHANGE("frame", FRAME, "\xED\x02", "\"online\""),
    EXCHANGE("metrics", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n",
             "evd_build_info"),
    EXCHANGE("nowhere", "{\"event\":\"api.nowhere.x\"}\n", "{\"error\":{\"code\":\"no_such_",
             "}\n"),
#undef EXCHANGE
};

static bool has(const char *text, size_t len, const char *part)
{
    return memmem(text, len, part, strlen(part)) != NULL;
}

static bool is_right(size_t i, const char *text, size_t len)
{
    size_t begins = strlen(script[i].begins);
    return len >= begins && memcmp(text, script[i].begins, begins) == 0 &&
           has(text, len, script[i].has);
}

/* Nothing at all, or an error that says what was short. */
static bool is_excused(const char *text, size_t len)
{
    static const char *const says[] = {"no_memory",   "busy",          "open_failed",
                                       "load_failed", "HTTP/1.1 500 ", "HTTP/1.1 503 "};
    if (len == 0)
        return true;
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        if (has(text, len, says[i]))
            return true;
    return false;
}

/* Reads to the end. With `patience` the fault is lifted where nothing comes. */
static size_t read_answer(int fd, char *text, size_t cap, bool patience, bool *lifted)
{
    size_t len = 0;
    for (;;) {
        struct pollfd more = {.fd = fd, .events = POLLIN};
        if (patience && poll(&more, 1, WAIT_MS) == 0) {
            faults->kind = FAULT_NONE;
            *lifted = true;
        }
        ssize_t got = recv(fd, text + len, cap - len, 0);
        if (got < 0 && errno == EAGAIN)
            fail_msg("the server neither answers nor closes");
        if (got <= 0)
            return len;
        len += (size_t)got;
        assert_true(len < cap);
    }
}

/* Returns whether the fault was lifted. */
static bool run_script(const struct server *server, bool may_fail)
{
    static char text[1 << 20];
    bool lifted = false;
    for (size_t i = 0; i < sizeof script / sizeof *script; i++) {
        int fd = client_connect(server->addresses[0]);
        bool sent =
            send(fd, script[i].bytes, script[i].len, MSG_NOSIGNAL) == (ssize_t)script[i].len;
        (void)shutdown(fd, SHUT_WR);
        size_t len = sent ? read_answer(fd, text, sizeof text, may_fail, &lifted) : 0;
        (void)close(fd);
        if (!is_right(i, text, len) && !(may_fail && is_excused(text, len)))
            fail_msg("%s: answered: %.*s", script[i].name, (int)len, text);
    }
    return lifted;
}

/* Returns the blocks that are held when all is as before. */
static long settle_down(const struct server *server)
{
    faults->kind = FAULT_NONE;
    (void)run_script(server, false);
    int fd = client_connect(server->addresses[0]);
    for (int i = 0; i < 2; i++) { /* the end of those before was seen before this is answered */
        char line[100];
        client_send_text(fd, "{\"event\":\"api.services.status\"}\n");
        (void)client_read_line(fd, line, sizeof line);
    }
    long held = faults->held;
    (void)close(fd);
    return held;
}

/* Number n fails; returns whether there are so many. *ret_again: the fault was lifted before the
 * server had come that far. */
static bool fail_site(const struct server *server, enum fault_kind kind, unsigned calls, long n,
                      bool for_good, bool *ret_again)
{
    faults_arm(faults, kind, calls, n, for_good ? LONG_MAX : n);
    bool lifted = run_script(server, true), reached = faults->asked >= n;
    *ret_again = lifted && !reached;
    return reached;
}

/* Returns the blocks that are held after number n failed; *ret_reached: there are so many. */
static long fail_one(const struct server *server, enum fault_kind kind, unsigned calls, long n,
                     bool for_good, bool *ret_reached)
{
    bool again = true;
    for (int i = 0; again; i++) {
        assert_true(i < LIFTED_MAX);
        *ret_reached = fail_site(server, kind, calls, n, for_good, &again);
    }
    return settle_down(server);
}

/* Returns the number of sites. */
static long fail_each(size_t arm, enum fault_kind kind, unsigned calls, bool for_good)
{
    struct server server;
    faults = faults_map();
    server_start(&server, arms[arm].args);
    faults_without();
    (void)settle_down(&server);
    long held = settle_down(&server), n = 0;
    bool reached = true;
    while (reached) {
        assert_true(++n < SITES_MAX);
        long after = fail_one(&server, kind, calls, n, for_good, &reached);
        if (after > held) { /* what is made once for the first failure is not made again */
            held = after;
            after = fail_one(&server, kind, calls, n, for_good, &reached);
        }
        if (after > held)
            fail_msg("%s, number %ld: %ld blocks, %ld before", arms[arm].name, n, after, held);
    }
    faults->kind = FAULT_NONE;
    assert_int_equal(server_stop(&server), 0);
    faults_unmap(faults);
    print_message("%s%s: %ld sites\n", arms[arm].name, for_good ? ", for good" : "", n - 1);
    return n - 1;
}

static void each_allocation_fails(void **state)
{
    (void)state;
    if (EVD_FAULTS_NO_MALLOC)
        skip();
    for (size_t arm = 0; arm < sizeof arms / sizeof *arms; arm++)
        for (int for_good = 0; for_good < 2; for_good++)
            assert_true(fail_each(arm, FAULT_ALLOCATIONS, 0, for_good != 0) > 5);
}

static void each_call_fails(void **state)
{
    (void)state;
    static const unsigned calls[] = {CALL_RECV, CALL_SEND, CALL_EPOLL_CTL};
    for (size_t arm = 0; arm < sizeof arms / sizeof *arms; arm++) {
        assert_true(fail_each(arm, FAULT_CALLS, CALLS_SERVING, false) > 5);
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
            (void)fail_each(arm, FAULT_CALLS, calls[i], true);
    }
}

/* What a module is loaded by. With `call` it is loaded for each call: its copy, from the image. */
static void each_call_of_loading_fails(void **state)
{
    (void)state;
    static const unsigned calls[] = {CALL_OPEN,  CALL_MEMFD, CALL_SENDFILE,          CALL_STAT,
                                     CALL_PREAD, CALL_FCNTL, CALL_MEMFD | CALL_WRITE};
    for (size_t arm = 3; arm < sizeof arms / sizeof *arms; arm++) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            long sites = 0;
            for (int for_good = 0; for_good < 2; for_good++) {
                bool reached = true, again = false;
                int lifted = 0;
                for (long n = 1; reached || again; n += reached, lifted += again) {
                    struct server server;
                    assert_true(n < SITES_MAX && lifted < LIFTED_MAX);
                    faults = faults_map();
                    server_start(&server, arms[arm].args);
                    faults_without();
                    reached = fail_site(&server, FAULT_CALLS, calls[i], n, for_good != 0, &again);
                    (void)settle_down(&server);
                    assert_int_equal(server_stop(&server), 0);
                    faults_unmap(faults);
                    sites += reached;
                }
            }
            print_message("%s, calls 0x%x: %ld sites\n", arms[arm].name, calls[i], sites);
            assert_true(sites > 0);
        }
    }
}

/* While a call is in flight under `call`, the next one loads a copy of the module. */
static void a_load_beside_another_fails(void **state)
{
    (void)state;
    static const unsigned calls[] = {CALL_MEMFD, CALL_SENDFILE, CALL_STAT};
    struct server server;
    const char *args[] = {"--dispatch=dynamic", "--dynamic-load=call",
                          "--modules=" EVD_TEST_MODULES_PATH, NULL};
    char line[300];
    faults = faults_map();
    server_start(&server, args);
    faults_without();
    int busy = client_connect(server.addresses[0]), fd = client_connect(server.addresses[0]);
    client_send_text(busy, "{\"event\":\"slow.now\"}\n"
                           "{\"event\":\"slow.after\",\"data\":[1,3600000]}\n");
    (void)client_read_line(busy, line, sizeof line); /* the other has begun */
    client_send_text(fd, "{\"event\":\"slow.now\"}\n");
    (void)client_read_line(fd, line, sizeof line);
    size_t fds = faults_descriptors(&server);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        bool reached = true;
        for (long n = 1; reached; n++) {
            assert_true(n < SITES_MAX);
            faults_arm(faults, FAULT_CALLS, calls[i], n, n);
            client_send_text(fd, "{\"event\":\"slow.now\"}\n");
            (void)client_read_line(fd, line, sizeof line);
            reached = faults->asked >= n;
            assert_non_null(strstr(line, reached ? "\"load_failed\"" : "{\"data\":\"now\"}"));
            assert_true(reached || n > 1);
            assert_int_equal(faults_descriptors(&server), fds);
        }
    }
    faults->kind = FAULT_NONE;
    (void)close(busy);
    (void)close(fd);
    assert_int_equal(server_stop(&server), 0);
    faults_unmap(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails),
        cmocka_unit_test(each_call_fails),
        cmocka_unit_test(each_call_of_loading_fails),
        cmocka_unit_test(a_load_beside_another_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
