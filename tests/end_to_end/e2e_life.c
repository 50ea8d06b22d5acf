/* The server's life: it starts, it says why it cannot, it ends without losing an answer. */
#include "harness.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define STATUS "{\"event\":\"api.services.status\"}\n"
#define ONLINE "{\"data\":\"online\"}"

static void check_drain(int signal_number)
{
    enum { CALLS = 3000, CLIENTS = 8 };
    struct server server;
    const char *args[] = {"--drain-timeout=1h", NULL};
    int fds[CLIENTS];
    char line[256];

    server_start(&server, args);
    for (int c = 0; c < CLIENTS; c++) {
        fds[c] = client_connect(server.addresses[0]);
        client_send_text(fds[c], STATUS); /* an accepted connection, not one in the backlog */
        (void)client_read_line(fds[c], line, sizeof line);
    }
    for (int i = 0; i < CALLS; i++)
        client_send_text(fds[i % CLIENTS], STATUS);
    assert_int_equal(kill(server.pid, signal_number), 0);

    for (int c = 0; c < CLIENTS; c++) {
        FILE *in = fdopen(fds[c], "r");
        int answers = 0;
        while (fgets(line, sizeof line, in) != NULL) {
            assert_string_equal(line, ONLINE "\n");
            answers++;
        }
        assert_int_equal(ferror(in), 0); /* an end, not a reset */
        assert_int_equal(answers, CALLS / CLIENTS);
        (void)fclose(in);
    }
    assert_int_equal(server_wait(&server), 0);
    assert_string_equal(server.errors, "");
}

static void test_sigterm_drains(void **state)
{
    (void)state;
    check_drain(SIGTERM);
}

static void test_sigint_drains(void **state)
{
    (void)state;
    check_drain(SIGINT);
}

static void test_idle_client_does_not_hold_the_end(void **state)
{
    (void)state;
    struct server server;
    const char *args[] = {"--drain-timeout=1h", NULL};
    server_start(&server, args);
    int silent = client_connect(server.addresses[0]);
    int half = client_connect(server.addresses[0]);
    client_send_text(half, "{\"event\":");
    assert_int_equal(server_stop(&server), 0);
    (void)close(silent);
    (void)close(half);
}

static void test_port_taken(void **state)
{
    (void)state;
    struct server server;
    const char *args[] = {NULL};
    char out[4096], err[4096], listen[200];
    server_start(&server, args);
    (void)snprintf(listen, sizeof listen, "--listen=%s", server.addresses[0]);
    const char *argv[] = {EVD_SERVER_PATH, listen, NULL};
    assert_int_equal(run_program(argv, out, sizeof out, err, sizeof err), 1);
    assert_non_null(strstr(err, "evd-server: error: tcp://127.0.0.1:"));
    assert_non_null(strstr(err, "Address already in use"));
    assert_string_equal(out, "");
    assert_int_equal(server_stop(&server), 0);
}

static void test_unix_socket(void **state)
{
    (void)state;
    struct server first;
    char path[100], listen[140], out[512], err[512];
    (void)snprintf(path, sizeof path, "%s/life.sock", scratch_dir());
    (void)snprintf(listen, sizeof listen, "--listen=unix://%s", path);

    /* What a killed server left behind is replaced. */
    struct sockaddr_un stale = {.sun_family = AF_UNIX};
    (void)snprintf(stale.sun_path, sizeof stale.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&stale, sizeof stale), 0);
    (void)close(fd);
    const char *args[] = {listen, NULL};
    server_start(&first, args);

    /* What a living one uses is not. */
    const char *argv[] = {EVD_SERVER_PATH, listen, NULL};
    assert_int_equal(run_program(argv, out, sizeof out, err, sizeof err), 1);
    assert_non_null(strstr(err, "Address already in use"));

    int client = client_connect(first.addresses[0]);
    client_send_text(client, STATUS);
    (void)client_read_line(client, out, sizeof out);
    assert_string_equal(out, ONLINE);
    (void)close(client);
    assert_int_equal(server_stop(&first), 0);
    assert_int_equal(access(path, F_OK), -1); /* it cleans up */

    /* A file that is no socket is never removed. */
    FILE *file = fopen(path, "w");
    (void)fputs("keep me", file);
    (void)fclose(file);
    assert_int_equal(run_program(argv, out, sizeof out, err, sizeof err), 1);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 7);
}

static void test_port_file(void **state)
{
    (void)state;
    struct server server;
    char path[100], option[140], unix_listen[140], line[200];
    (void)snprintf(path, sizeof path, "%s/port", scratch_dir());
    (void)snprintf(option, sizeof option, "--port-file=%s", path);
    (void)snprintf(unix_listen, sizeof unix_listen, "--listen=unix://%s/p.sock", scratch_dir());
    const char *args[] = {option, "--listen=tcp://127.0.0.1:0", "--listen=tcp://[::1]:0",
                          unix_listen, NULL};
    server_start(&server, args);
    /* It was there before the lines were printed. */
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (int i = 0; i < 3; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(line, server.addresses[i]);
    }
    (void)fclose(file);
    assert_int_equal(server_stop(&server), 0);
    assert_int_equal(access(path, F_OK), -1);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void start_slow(struct server *server, const char *load)
{
    const char *args[] = {"--dispatch=dynamic", load, "--modules=" EVD_TEST_MODULES_PATH,
                          "--drain-timeout=1s", NULL};
    server_start(server, args);
}

/* A call that answers later keeps its place in its connection's order, and holds up nobody else. */
static void check_deferred(const char *load)
{
    struct server server;
    char line[256];
    start_slow(&server, load);

    int fd = client_connect(server.addresses[0]);
    int64_t sent = now_ms();
    client_send_text(fd, "{\"id\":1,\"event\":\"slow.after\",\"data\":[3,20]}\n"
                         "{\"id\":2,\"event\":\"slow.after\",\"data\":[2,0]}\n"
                         "{\"id\":3,\"event\":\"slow.now\"}\n");
    client_send_text(fd, "{\"id\":4,\"event\":\"slow.now\"}\n");
    static const char *const expected[] = {
        "{\"id\":1,\"data\":[3,20]}", "{\"id\":2,\"data\":[2,0]}", "{\"id\":3,\"data\":\"now\"}",
        "{\"id\":4,\"data\":\"now\"}"};
    for (int i = 0; i < 4; i++) {
        (void)client_read_line(fd, line, sizeof line);
        assert_string_equal(line, expected[i]);
        if (i == 0) /* never early, however late it may be */
            assert_true(now_ms() - sent >= 3 * 20);
    }

    /* One that waits an hour, and its connection is dropped; one that waits when the end comes. */
    client_send_text(fd, "{\"event\":\"slow.after\",\"data\":[1,3600000]}\n");
    int other = client_connect(server.addresses[0]), third = client_connect(server.addresses[0]);
    client_send_text(third, "{\"event\":\"slow.after\",\"data\":[1,3600000]}\n");
    for (int i = 0; i < 100; i++) {
        client_send_text(other, "{\"event\":\"slow.now\"}\n");
        (void)client_read_line(other, line, sizeof line);
        assert_string_equal(line, "{\"data\":\"now\"}");
    }
    (void)close(fd);
    (void)close(other);
    assert_int_equal(server_stop(&server), 0);
    assert_non_null(strstr(server.errors, "cut off"));
    (void)close(third);
}

static void test_deferred_cached(void **state)
{
    (void)state;
    check_deferred("--dynamic-load=cached");
}

static void test_deferred_call(void **state)
{
    (void)state;
    check_deferred("--dynamic-load=call");
}

/* A drain waits for an answer that is on its way. */
static void test_drain_waits_for_deferred(void **state)
{
    (void)state;
    struct server server;
    char text[256];
    const char *args[] = {"--dispatch=dynamic", "--modules=" EVD_TEST_MODULES_PATH,
                          "--drain-timeout=1h", NULL};
    server_start(&server, args);
    int fd = client_connect(server.addresses[0]);
    client_send_text(fd, "{\"event\":\"slow.now\"}\n{\"event\":\"slow.after\",\"data\":[5,20]}\n");
    (void)client_read_line(fd, text, sizeof text); /* the second has begun */
    assert_int_equal(kill(server.pid, SIGTERM), 0);
    (void)client_read_all(fd, text, sizeof text);
    assert_string_equal(text, "{\"data\":[5,20]}\n");
    (void)close(fd);
    assert_int_equal(server_wait(&server), 0);
}

static void test_module_that_does_not_load(void **state)
{
    (void)state;
    struct server server;
    char dir[100], path[140], option[140], line[512];
    (void)snprintf(dir, sizeof dir, "%s/broken", scratch_dir());
    assert_int_equal(mkdir(dir, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/junk.so", dir);
    FILE *file = fopen(path, "w");
    (void)fputs("this is no shared object", file);
    (void)fclose(file);
    (void)snprintf(option, sizeof option, "--modules=%s", dir);
    const char *args[] = {"--dispatch=dynamic", option, NULL};
    server_start(&server, args);
    int fd = client_connect(server.addresses[0]);
    for (int i = 0; i < 5; i++) {
        client_send_text(fd, "{\"event\":\"junk.f\"}\n");
        (void)client_read_line(fd, line, sizeof line);
        assert_string_equal(line, "{\"error\":{\"code\":\"load_failed\",\"message\":\"The module "
                                  "could not be loaded\"}}"); /* no path of ours for a client */
    }
    (void)close(fd);
    assert_int_equal(server_stop(&server), 0);
    char *first = strstr(server.errors, "module junk does not load");
    assert_non_null(first);
    assert_non_null(strstr(first, "not a shared object"));
    assert_null(strstr(first + 1, "module junk")); /* said once, not on every call */
}

/* A log whose reader has gone is no reason to end, however often there is something to log. */
static void test_nobody_reads_the_log(void **state)
{
    (void)state;
    struct server server;
    char dir[100], path[140], option[140], line[512];
    (void)snprintf(dir, sizeof dir, "%s/unheard", scratch_dir());
    assert_int_equal(mkdir(dir, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/junk.so", dir);
    FILE *file = fopen(path, "w");
    (void)fputs("this is no shared object", file);
    (void)fclose(file);
    (void)snprintf(option, sizeof option, "--modules=%s", dir);
    const char *args[] = {"--dispatch=dynamic", option, NULL};
    server_start(&server, args);
    (void)close(server.err);
    server.err = dup(server.out); /* something to read to its end */
    int fd = client_connect(server.addresses[0]);
    for (int i = 0; i < 2; i++) {
        client_send_text(fd, "{\"event\":\"junk.f\"}\n");
        (void)client_read_line(fd, line, sizeof line);
        assert_non_null(strstr(line, "load_failed"));
    }
    (void)close(fd);
    assert_int_equal(server_stop(&server), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sigterm_drains),
        cmocka_unit_test(test_sigint_drains),
        cmocka_unit_test(test_idle_client_does_not_hold_the_end),
        cmocka_unit_test(test_port_taken),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_port_file),
        cmocka_unit_test(test_deferred_cached),
        cmocka_unit_test(test_deferred_call),
        cmocka_unit_test(test_drain_waits_for_deferred),
        cmocka_unit_test(test_module_that_does_not_load),
        cmocka_unit_test(test_nobody_reads_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
