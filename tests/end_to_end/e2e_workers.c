/* Several workers: connections spread, counters add up, and one that stalls holds up nobody else.
 */
#include "harness.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATUS "{\"event\":\"api.services.status\"}\n"
#define ONLINE "{\"data\":\"online\"}"
#define NOW    "{\"event\":\"stall.now\"}\n"
#define WIDE   "--workers=3"

enum { CLIENTS = 200, WORKERS = 3, ASKED_MAX = 30 };

/* The counters, of so many workers that have answered in their second. On a slow machine one that
 * is well may not have: it is asked again. */
static cJSON *counters(struct server *server, int alive)
{
    for (int i = 0; i < ASKED_MAX; i++) {
        char line[4096];
        const cJSON *worker;
        int answered = 0;
        assert_int_equal(kill(server->pid, SIGUSR1), 0);
        server_read_error(server, line, sizeof line);
        cJSON *json = cJSON_Parse(line);
        assert_non_null(json);
        cJSON_ArrayForEach(worker, cJSON_GetObjectItem(json, "workers"))
        {
            answered += cJSON_IsFalse(cJSON_GetObjectItem(worker, "silent"));
        }
        assert_true(answered <= alive);
        if (answered == alive)
            return json;
        cJSON_Delete(json);
    }
    fail_msg("in %d seconds there were never %d that answered", ASKED_MAX, alive);
    return NULL;
}

static int number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(object, name);
    assert_true(cJSON_IsNumber(item));
    return item->valueint;
}

static void ask(int fd, const char *call, const char *answer)
{
    char line[256];
    client_send_text(fd, call);
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, answer);
}

static void check_spread(struct server *server, const char *address, bool every)
{
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(address);
        ask(fds[i], STATUS, ONLINE);
    }
    cJSON *json = counters(server, WORKERS);
    const cJSON *workers = cJSON_GetObjectItem(json, "workers"), *worker;
    int connections = 0, calls = 0, accepted = 0;
    assert_int_equal(cJSON_GetArraySize(workers), WORKERS);
    cJSON_ArrayForEach(worker, workers)
    {
        assert_int_equal(number(worker, "connections"), number(worker, "calls"));
        if (every)
            assert_true(number(worker, "connections") > 0);
        connections += number(worker, "connections");
        calls += number(worker, "calls");
        accepted += number(worker, "accepted");
    }
    assert_int_equal(connections, CLIENTS);
    assert_int_equal(number(json, "connections"), CLIENTS);
    assert_int_equal(number(json, "calls"), calls);
    assert_int_equal(number(json, "accepted"), accepted);
    cJSON_Delete(json);
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
}

/* The kernel's hash gives each of three sockets some of 200 connections: that one gets none has a
 * chance of 3 x (2/3)^200, which is 10^-34. */
static void test_tcp_spreads(void **state)
{
    (void)state;
    struct server server;
    const char *args[] = {WIDE, NULL};
    server_start(&server, args);
    assert_int_equal(server.address_count, 1); /* one port for all */
    check_spread(&server, server.addresses[0], true);
    assert_int_equal(server_stop(&server), 0);
    assert_string_equal(server.errors, "");
}

/* One queue for all: who takes a connection is up to the scheduler, that all are served is not. */
static void test_unix_is_shared(void **state)
{
    (void)state;
    struct server server;
    char path[100], listen[140];
    (void)snprintf(path, sizeof path, "%s/w.sock", scratch_dir());
    (void)snprintf(listen, sizeof listen, "--listen=unix://%s", path);
    const char *args[] = {WIDE, listen, NULL};
    server_start(&server, args);
    check_spread(&server, server.addresses[0], false);
    assert_int_equal(server_stop(&server), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_string_equal(server.errors, "");
}

/* The ports of several workers are no invitation for a second server. */
static void test_port_is_still_exclusive(void **state)
{
    (void)state;
    struct server server;
    char out[512], err[512], listen[200];
    const char *args[] = {WIDE, NULL};
    server_start(&server, args);
    (void)snprintf(listen, sizeof listen, "--listen=%s", server.addresses[0]);
    const char *argv[] = {EVD_SERVER_PATH, WIDE, listen, NULL};
    assert_int_equal(run_program(argv, out, sizeof out, err, sizeof err), 1);
    assert_non_null(strstr(err, "Address already in use"));
    assert_int_equal(server_stop(&server), 0);
}

static void test_connections_are_limited_in_all(void **state)
{
    (void)state;
    enum { LIMIT = 20 };
    struct server server;
    char text[256];
    int fds[LIMIT];
    const char *args[] = {WIDE, "--max-connections=20", NULL};
    server_start(&server, args);
    for (int i = 0; i < LIMIT; i++) {
        fds[i] = client_connect(server.addresses[0]);
        ask(fds[i], STATUS, ONLINE);
    }
    int over = client_connect(server.addresses[0]);
    client_send_text(over, STATUS);
    (void)client_read_all(over, text, sizeof text);
    assert_non_null(strstr(text, "\"code\":\"busy\""));
    (void)close(over);
    for (int i = 0; i < LIMIT; i++)
        (void)close(fds[i]);
    assert_int_equal(server_stop(&server), 0);
}

/* ---- A worker that stalls. ---- */

struct stall {
    struct server server;
    char fifo[100];
    int stalled; /* the connection whose call blocks */
};

static void stall(struct stall *s, const char *name, const char *const *more)
{
    char call[200];
    const char *args[8] = {"--workers=2", "--dispatch=dynamic",
                           ("--modules=" EVD_TEST_MODULES_PATH)};
    for (size_t i = 0; more[i] != NULL; i++)
        args[3 + i] = more[i];
    (void)snprintf(s->fifo, sizeof s->fifo, "%s/%s", scratch_dir(), name);
    assert_int_equal(mkfifo(s->fifo, 0600), 0);
    server_start(&s->server, args);
    s->stalled = client_connect(s->server.addresses[0]);
    (void)snprintf(call, sizeof call, "{\"event\":\"stall.on\",\"data\":\"%s\"}\n", s->fifo);
    client_send_text(s->stalled, call);
}

/* Returns when the module has opened the FIFO, which is when it blocks. */
static int meet(const struct stall *s)
{
    int fd = open(s->fifo, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* 32 connections, of which the stalled worker has some, or else the chance was 2^-32; the others'
 * answers come while it stalls. */
static void test_a_stall_holds_up_nobody_else(void **state)
{
    (void)state;
    enum { OTHERS = 32 };
    struct stall s;
    const char *none[] = {NULL};
    struct pollfd others[OTHERS];
    char line[256];
    stall(&s, "free", none);
    int fifo = meet(&s);

    for (int i = 0; i < OTHERS; i++) {
        others[i] = (struct pollfd){.fd = client_connect(s.server.addresses[0]), .events = POLLIN};
        client_send_text(others[i].fd, NOW);
    }
    int answered = 0;
    cJSON_Delete(counters(&s.server, 1)); /* the other one is silent */
    assert_int_equal(poll(others, OTHERS, 30000) > 0, 1);
    for (int i = 0; i < OTHERS; i++)
        answered += others[i].revents != 0;
    assert_in_range(answered, 1, OTHERS - 1);

    (void)close(fifo);
    (void)client_read_line(s.stalled, line, sizeof line);
    assert_string_equal(line, "{\"data\":\"went on\"}");
    for (int i = 0; i < OTHERS; i++) {
        (void)client_read_line(others[i].fd, line, sizeof line);
        assert_string_equal(line, "{\"data\":\"now\"}");
        (void)close(others[i].fd);
    }
    (void)close(s.stalled);
    assert_int_equal(server_stop(&s.server), 0);
    assert_string_equal(s.server.errors, "");
}

/* A module that never returns cannot keep the process. */
static void test_a_stall_does_not_hold_the_end(void **state)
{
    (void)state;
    struct stall s;
    char path[100], listen[140];
    (void)snprintf(path, sizeof path, "%s/stuck.sock", scratch_dir());
    (void)snprintf(listen, sizeof listen, "--listen=unix://%s", path);
    const char *more[] = {"--drain-timeout=50ms", listen, NULL};
    stall(&s, "stuck", more);
    int fifo = meet(&s);
    assert_int_equal(server_stop(&s.server), 1);
    assert_non_null(strstr(s.server.errors, "1 of 2 workers did not end"));
    assert_int_equal(access(path, F_OK), -1);
    (void)close(fifo);
    (void)close(s.stalled);
}

static void test_a_second_signal_ends_a_stall_at_once(void **state)
{
    (void)state;
    struct stall s;
    const char *more[] = {"--drain-timeout=1h", NULL};
    stall(&s, "twice", more);
    int fifo = meet(&s);
    /* Two of one kind may arrive as one. */
    assert_int_equal(kill(s.server.pid, SIGTERM), 0);
    assert_int_equal(kill(s.server.pid, SIGINT), 0);
    assert_int_equal(server_wait(&s.server), 1);
    /* At once: also where the other one is not done yet, on a slow machine. */
    assert_non_null(strstr(s.server.errors, " of 2 workers did not end"));
    (void)close(fifo);
    (void)close(s.stalled);
}

/* The same when it comes late: the other worker has ended its connections and waits no more. */
static void test_a_late_second_signal_ends_a_stall_at_once(void **state)
{
    (void)state;
    enum { OTHERS = 32 };
    struct stall s;
    const char *more[] = {"--drain-timeout=1h", NULL};
    struct pollfd others[OTHERS];
    stall(&s, "late", more);
    int fifo = meet(&s);
    for (int i = 0; i < OTHERS; i++)
        others[i] = (struct pollfd){.fd = client_connect(s.server.addresses[0]), .events = POLLIN};
    assert_int_equal(kill(s.server.pid, SIGTERM), 0);
    assert_int_equal(poll(others, OTHERS, 30000) > 0, 1); /* an end: it drains */
    assert_int_equal(kill(s.server.pid, SIGINT), 0);
    assert_int_equal(server_wait(&s.server), 1);
    /* At once: also where the other one is not done yet, on a slow machine. */
    assert_non_null(strstr(s.server.errors, " of 2 workers did not end"));
    for (int i = 0; i < OTHERS; i++)
        (void)close(others[i].fd);
    (void)close(fifo);
    (void)close(s.stalled);
}

/* ---- Pinning. ---- */

static void test_pinned(void **state)
{
    (void)state;
    struct server server;
    cpu_set_t mine;
    char text[64], option[80], line[256], path[64];
    int cpu = 0, pinned = 0;
    assert_int_equal(sched_getaffinity(0, sizeof mine, &mine), 0);
    while (!CPU_ISSET((size_t)cpu, &mine))
        cpu++;
    (void)snprintf(text, sizeof text, "Cpus_allowed_list:\t%d\n", cpu);
    (void)snprintf(option, sizeof option, "--cpus=%d", cpu);
    const char *args[] = {"--workers=2", option, NULL};
    server_start(&server, args);
    (void)snprintf(path, sizeof path, "ls /proc/%d/task", (int)server.pid);
    FILE *tasks = popen(path, "r");
    while (fgets(line, sizeof line, tasks) != NULL) {
        char file[128];
        (void)snprintf(file, sizeof file, "/proc/%d/task/%d/status", (int)server.pid, atoi(line));
        FILE *status = fopen(file, "r");
        while (fgets(line, sizeof line, status) != NULL)
            pinned += strcmp(line, text) == 0;
        (void)fclose(status);
    }
    (void)pclose(tasks);
    assert_in_range(pinned, 2, 3); /* three where this process may use no other CPU */
    assert_int_equal(server_stop(&server), 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *option, *says;
        int status;
    } cases[] = {
        {"--workers=0", "--workers: number \"0\" is not valid: use a whole number from 1 to 256",
         2},
        {"--workers=257", "256", 2},
        {"--cpus=1-", "--cpus: '1-' is not a list of CPUs", 2},
        {"--cpus=1023", "--cpus: worker 0 cannot run on CPU 1023", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[512], err[512];
        const char *argv[] = {EVD_SERVER_PATH, cases[i].option, NULL};
        assert_int_equal(run_program(argv, out, sizeof out, err, sizeof err), cases[i].status);
        if (strstr(err, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].option, err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_spreads),
        cmocka_unit_test(test_unix_is_shared),
        cmocka_unit_test(test_port_is_still_exclusive),
        cmocka_unit_test(test_connections_are_limited_in_all),
        cmocka_unit_test(test_a_stall_holds_up_nobody_else),
        cmocka_unit_test(test_a_stall_does_not_hold_the_end),
        cmocka_unit_test(test_a_second_signal_ends_a_stall_at_once),
        cmocka_unit_test(test_a_late_second_signal_ends_a_stall_at_once),
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
