/* Calls that stay unfinished: others are served meanwhile, many may wait at once, and a peer that
 * is gone is noticed. What has happened in the server is known from its log, never from time. */
#include "harness.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 30000 /* only ever waited for when something is broken */

/* ---- The server's log, while it runs. ---- */

struct log {
    const struct server *server;
    size_t len;
    char text[65536];
};

/* Reads the log until it holds `text`, and forgets it up to there. */
static void await_line(struct log *log, const char *text)
{
    char *found;
    while ((found = strstr(log->text, text)) == NULL) {
        struct pollfd fd = {.fd = log->server->err, .events = POLLIN};
        assert_true(log->len < sizeof log->text - 1);
        if (poll(&fd, 1, PATIENCE_MS) != 1)
            fail_msg("the log does not say \"%s\", but:\n%s", text, log->text);
        ssize_t got = read(log->server->err, log->text + log->len, sizeof log->text - 1 - log->len);
        if (got <= 0)
            fail_msg("the log ended without \"%s\":\n%s", text, log->text);
        log->len += (size_t)got;
        log->text[log->len] = '\0';
    }
    size_t used = (size_t)(found - log->text) + strlen(text);
    log->len -= used;
    memmove(log->text, log->text + used, log->len + 1);
}

static struct log log_of(const struct server *server)
{
    return (struct log){.server = server};
}

static void start(struct server *server, const char *load, const char *listen)
{
    const char *args[] = {"--dispatch=dynamic",
                          load,
                          "--modules=" EVD_TEST_MODULES_PATH,
                          "--drain-timeout=1h",
                          listen != NULL ? listen : "--listen=tcp://127.0.0.1:0",
                          NULL};
    server_start(server, args);
}

static void expect_line(int fd, const char *expected)
{
    char line[256];
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, expected);
}

static void open_gate(const struct server *server)
{
    int fd = client_connect(server->addresses[0]);
    client_send_text(fd, "{\"event\":\"defer.gate\"}\n");
    expect_line(fd, "{\"data\":\"open\"}");
    (void)close(fd);
}

/* ---- Others are served meanwhile. ---- */

/* A call that asks for no wait is called again and again, and yet others have their turn. */
static void test_a_wait_of_nothing_yields(void **state)
{
    (void)state;
    struct server server;
    start(&server, "--dynamic-load=cached", NULL);
    struct log log = log_of(&server);
    int first = client_connect(server.addresses[0]);
    int second = client_connect(server.addresses[0]);
    client_send_text(first, "{\"event\":\"defer.yield\",\"data\":1}\n");
    client_send_text(second, "{\"event\":\"defer.yield\",\"data\":2}\n");
    await_line(&log, "waits ");
    await_line(&log, "waits ");
    open_gate(&server);
    expect_line(first, "{\"data\":1}");
    expect_line(second, "{\"data\":2}");
    (void)close(first);
    (void)close(second);
    assert_int_equal(server_stop(&server), 0);
}

static void allow_descriptors(rlim_t count)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur >= count)
        return;
    assert_true(limit.rlim_max >= count);
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* All wait at the same time: none is answered before the gate opens, which is when each has begun.
 * The server says so in its log only as often as a module may, so a call on each connection before
 * it tells that it was read. */
static void test_a_thousand_wait(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static int fds[COUNT];
    struct server server;
    char text[256];
    allow_descriptors(COUNT + 100); /* the server's, too */
    start(&server, "--dynamic-load=cached", NULL);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = client_connect(server.addresses[0]);
        (void)snprintf(text, sizeof text,
                       "{\"id\":1,\"event\":\"slow.now\"}\n"
                       "{\"id\":2,\"event\":\"defer.wait\",\"data\":%d}\n"
                       "{\"id\":3,\"event\":\"slow.now\"}\n"
                       "{\"id\":4,\"event\":\"defer.%s\",\"data\":[%d]}\n",
                       i, i % 2 == 0 ? "wait" : "yield", i);
        client_send_text(fds[i], text);
    }
    for (int i = 0; i < COUNT; i++) /* sent with the second call unfinished */
        expect_line(fds[i], "{\"id\":1,\"data\":\"now\"}");
    for (int i = 0; i < COUNT; i++) {
        struct pollfd fd = {.fd = fds[i], .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 0), 0);
    }
    open_gate(&server);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(text, sizeof text, "{\"id\":2,\"data\":%d}", i);
        expect_line(fds[i], text);
        expect_line(fds[i], "{\"id\":3,\"data\":\"now\"}");
        (void)snprintf(text, sizeof text, "{\"id\":4,\"data\":[%d]}", i);
        expect_line(fds[i], text);
        (void)close(fds[i]);
    }
    assert_int_equal(server_stop(&server), 0);
}

/* ---- A peer that is gone. ---- */

static void reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    (void)close(fd);
}

/* `behind` bytes stand unread behind the call, more than any buffer of the server's takes. */
static void send_hold(int fd, int number, size_t behind)
{
    static char filler[4096];
    char text[256];
    (void)snprintf(text, sizeof text, "{\"event\":\"defer.hold\",\"data\":%d}\n", number);
    client_send_text(fd, text);
    memset(filler, '\n', sizeof filler);
    for (size_t sent = 0; sent < behind; sent += sizeof filler) {
        ssize_t got = send(fd, filler, sizeof filler, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (got < 0)
            break; /* both sides' buffers are full: that is as much as there can be */
    }
}

static void check_reset(const char *load)
{
    struct server server;
    char text[64];
    start(&server, load, NULL);
    struct log log = log_of(&server);
    for (int i = 0; i < 6; i++) {
        int fd = client_connect(server.addresses[0]);
        send_hold(fd, i, i % 2 == 0 ? 0 : 16u << 20);
        (void)snprintf(text, sizeof text, "module defer: holds %d;", i);
        await_line(&log, text);
        if (i >= 4) /* ended on one side first */
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        reset(fd);
        (void)snprintf(text, sizeof text, "module defer: cancelled %d;", i);
        await_line(&log, text);
    }
    assert_int_equal(server_stop(&server), 0); /* with nothing left to wait for */
}

static void test_a_reset_cancels_cached(void **state)
{
    (void)state;
    check_reset("--dynamic-load=cached");
}

static void test_a_reset_cancels_call(void **state)
{
    (void)state;
    check_reset("--dynamic-load=call");
}

static void test_a_closed_unix_socket_cancels(void **state)
{
    (void)state;
    struct server server;
    char listen[160];
    (void)snprintf(listen, sizeof listen, "--listen=unix://%s/gone.sock", scratch_dir());
    start(&server, "--dynamic-load=cached", listen);
    struct log log = log_of(&server);
    for (int i = 0; i < 2; i++) {
        int fd = client_connect(server.addresses[0]);
        send_hold(fd, i, i == 0 ? 0 : 1u << 20);
        await_line(&log, "module defer: holds ");
        (void)close(fd);
        await_line(&log, "module defer: cancelled ");
    }
    assert_int_equal(server_stop(&server), 0);
}

/* The connection of a cancelled call counts no more; what it had sent behind is never called. */
static void test_nothing_behind_a_cancelled_call_runs(void **state)
{
    (void)state;
    struct server server;
    start(&server, "--dynamic-load=cached", NULL);
    struct log log = log_of(&server);
    int fd = client_connect(server.addresses[0]);
    client_send_text(fd, "{\"event\":\"defer.hold\",\"data\":1}\n"
                         "{\"event\":\"defer.hold\",\"data\":2}\n{\"event\":\"defer.gate\"}\n");
    await_line(&log, "holds 1;");
    reset(fd);
    await_line(&log, "cancelled 1;");
    int other = client_connect(server.addresses[0]);
    client_send_text(other, "{\"event\":\"defer.wait\",\"data\":3}\n");
    await_line(&log, "waits 3;"); /* the gate is shut */
    assert_null(strstr(log.text, "2;"));
    reset(other);
    await_line(&log, "cancelled 3;");
    assert_int_equal(server_stop(&server), 0);
    assert_null(strstr(server.errors, "2;"));
}

/* What a peer sends before it closes is called, as ever, on a connection that has had an unfinished
 * call before. The server stands still meanwhile, so that it learns of both at the same time. */
static void test_a_last_word_is_heard(void **state)
{
    (void)state;
    struct server server;
    char listen[160];
    int status;
    (void)snprintf(listen, sizeof listen, "--listen=unix://%s/last.sock", scratch_dir());
    start(&server, "--dynamic-load=cached", listen);
    struct log log = log_of(&server);
    int fd = client_connect(server.addresses[0]);
    client_send_text(fd, "{\"event\":\"defer.wait\",\"data\":1}\n");
    await_line(&log, "waits 1;");
    open_gate(&server);
    expect_line(fd, "{\"data\":1}");
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(server.pid, &status, WUNTRACED), server.pid);
    assert_true(WIFSTOPPED(status));
    send_hold(fd, 2, 0);
    (void)close(fd);
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    await_line(&log, "holds 2;");
    await_line(&log, "cancelled 2;");
    assert_int_equal(server_stop(&server), 0);
}

/* ---- A peer that is not. ---- */

static void check_half_close(const char *listen)
{
    struct server server;
    char text[256];
    start(&server, "--dynamic-load=cached", listen);
    struct log log = log_of(&server);
    int fd = client_connect(server.addresses[0]);
    client_send_text(fd, "{\"id\":1,\"event\":\"defer.wait\",\"data\":\"half\"}\n"
                         "{\"id\":2,\"event\":\"slow.now\"}");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    await_line(&log, "waits \"half\";");
    int other = client_connect(server.addresses[0]);
    for (int i = 0; i < 100; i++) { /* the loop turns */
        client_send_text(other, "{\"event\":\"slow.now\"}\n");
        expect_line(other, "{\"data\":\"now\"}");
    }
    (void)close(other);
    open_gate(&server);
    (void)client_read_all(fd, text, sizeof text);
    assert_string_equal(text, "{\"id\":1,\"data\":\"half\"}\n{\"id\":2,\"data\":\"now\"}\n");
    (void)close(fd);
    assert_int_equal(server_stop(&server), 0);
    assert_null(strstr(server.errors, "cancelled"));
}

static void test_a_half_closed_connection_is_answered(void **state)
{
    (void)state;
    check_half_close(NULL);
}

static void test_a_half_closed_unix_socket_is_answered(void **state)
{
    (void)state;
    char listen[160];
    (void)snprintf(listen, sizeof listen, "--listen=unix://%s/half.sock", scratch_dir());
    check_half_close(listen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wait_of_nothing_yields),
        cmocka_unit_test(test_a_thousand_wait),
        cmocka_unit_test(test_a_reset_cancels_cached),
        cmocka_unit_test(test_a_reset_cancels_call),
        cmocka_unit_test(test_a_closed_unix_socket_cancels),
        cmocka_unit_test(test_a_last_word_is_heard),
        cmocka_unit_test(test_nothing_behind_a_cancelled_call_runs),
        cmocka_unit_test(test_a_half_closed_connection_is_answered),
        cmocka_unit_test(test_a_half_closed_unix_socket_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
