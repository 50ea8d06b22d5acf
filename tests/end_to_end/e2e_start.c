/* A start that fails: each system call and each allocation of it, once and for good. The server
 * serves without what it can do without, or ends with status 1 and says which call failed and why;
 * it leaves no file behind. */
#include "faults_run.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SITES_MAX 2000 /* of one start: more, and the loops below would not end */

static struct faults *faults;
static char socket_path[200], port_path[200];

/* With as much as there is to be opened. */
static bool start(struct server *server)
{
    static char unix_option[240], port_option[240];
    (void)snprintf(unix_option, sizeof unix_option, "--listen=unix://%s", socket_path);
    (void)snprintf(port_option, sizeof port_option, "--port-file=%s", port_path);
    const char *args[] = {"--workers=2",
                          "--dispatch=dynamic",
                          "--modules=" EVD_TEST_MODULES_PATH,
                          "--listen=tcp://127.0.0.1:0",
                          unix_option,
                          port_option,
                          NULL};
    return server_may_start(server, args);
}

static void expect_served(const struct server *server, const char *address)
{
    char line[200];
    int fd = client_connect(address);
    client_send_text(fd, "{\"event\":\"slow.now\"}\n");
    (void)client_read_line(fd, line, sizeof line);
    if (strcmp(line, "{\"data\":\"now\"}") != 0)
        fail_msg("%s of %d: %s", address, (int)server->pid, line);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_int_equal(client_read_all(fd, line, sizeof line), 0); /* gone: it holds up no end */
    (void)close(fd);
}

static void expect_no_file(const char *path, long n)
{
    if (access(path, F_OK) == 0)
        fail_msg("number %ld: %s is left behind", n, path);
}

/* One start with site n failing; returns whether it served. *ret_reached: it got that far. */
static bool start_with(enum fault_kind kind, unsigned calls, long n, bool for_good,
                       const char *says, bool *ret_reached)
{
    struct server server;
    faults_arm(faults, kind, calls, n, for_good ? LONG_MAX : n);
    bool serves = start(&server);
    *ret_reached = faults->asked >= n;
    faults->kind = FAULT_NONE;
    if (serves) {
        expect_served(&server, server.addresses[0]);
        expect_served(&server, server.addresses[1]);
    }
    int status = serves ? server_stop(&server) : server_wait(&server);
    if (status != (serves ? 0 : 1))
        fail_msg("number %ld: status %d: %s", n, status, server.errors);
    bool told = strncmp(server.errors, "evd-server: error: ", 19) == 0 &&
                (says == NULL || strstr(server.errors, says) != NULL);
    if (!serves && !told)
        fail_msg("number %ld: it says neither \"%s\" nor why: %s", n, says, server.errors);
    if (!faults_it_sleeps(faults))
        fail_msg("number %ld: %ld waits: it does not sleep", n, faults->waits);
    expect_no_file(socket_path, n);
    expect_no_file(port_path, n);
    return serves;
}

/* Returns how many starts failed. */
static long fail_each(enum fault_kind kind, unsigned calls, const char *says, bool for_good,
                      long max)
{
    long failed = 0;
    bool reached = true;
    for (long n = 1; reached && n <= max; n++) {
        assert_true(n < SITES_MAX);
        failed += !start_with(kind, calls, n, for_good, says, &reached);
    }
    return failed;
}

static const struct {
    unsigned calls;
    const char *says; /* NULL: it serves without */
    bool only_first;  /* later ones fail while it serves: e2e_faults.c */
} cases[] = {
    {CALL_EPOLL_CREATE, "the event loop: epoll", false},
    {CALL_EVENTFD, "eventfd: Too many open files", false},
    {CALL_EPOLL_CTL, "epoll_ctl: No space left on device", true},
    {CALL_MMAP, "no memory for the tables of the loops", false},
    {CALL_THREAD, " cannot be started: Resource temporarily unavailable", false},
    {CALL_SOCKET, "socket: Too many open files", false},
    {CALL_BIND, "bind: Address already in use", false},
    {CALL_LISTEN, "listen: Address already in use", false},
    {CALL_GETSOCKNAME, "getsockname: No buffer space available", false},
    {CALL_OPENDIR, "Too many open files", false},
    {CALL_RENAME, "--port-file", false},
    {CALL_FOPEN, "--port-file", false},
    {CALL_SETSOCKOPT, "SO_REUSEPORT: Cannot allocate memory", false},
    {CALL_INOTIFY, NULL, false},
    {CALL_OPEN, NULL, false},
    {CALL_FCNTL, NULL, false},
    {CALL_GETRANDOM, NULL, false},
    {CALL_WRITE, NULL, false},
};

static void each_system_call_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int for_good = 0; for_good < 2; for_good++) {
            long failed = fail_each(FAULT_CALLS, cases[i].calls, cases[i].says, for_good != 0,
                                    cases[i].only_first ? 1 : LONG_MAX);
            print_message("%s: %ld starts failed\n", cases[i].says, failed);
            assert_true((failed > 0) == (cases[i].says != NULL));
        }
    }
}

/* What cannot be looked at when the folder is listed is missing, and told of: a file, a folder. */
static void what_is_left_out_is_told_of(void **state)
{
    (void)state;
    static const struct {
        const char *modules, *call, *answer, *says;
    } folders[] = {
        {"--modules=" EVD_TEST_MODULES_PATH, "{\"event\":\"slow.now\"}\n", "{\"data\":\"now\"}",
         "slow.so is left out: Cannot allocate memory"},
        {"--modules=" EVD_MODULES_PATH, "{\"event\":\"api.services.status\"}\n",
         "{\"data\":\"online\"}", "/api is left out: Cannot allocate memory"},
    };
    enum { FIRST = 20 }; /* sites, behind which there are more modules only */
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        int missing = 0;
        for (long n = 1; n <= FIRST; n++) {
            struct server server;
            const char *args[] = {"--dispatch=dynamic", folders[i].modules, NULL};
            char line[300];
            faults_arm(faults, FAULT_CALLS, CALL_STAT, n, n);
            server_start(&server, args);
            faults->kind = FAULT_NONE;
            int fd = client_connect(server.addresses[0]);
            client_send_text(fd, folders[i].call);
            (void)client_read_line(fd, line, sizeof line);
            (void)close(fd);
            assert_int_equal(server_stop(&server), 0);
            if (strcmp(line, folders[i].answer) == 0)
                continue;
            missing++;
            if (strstr(server.errors, folders[i].says) == NULL)
                fail_msg("number %ld: %s; it says: %s", n, line, server.errors);
        }
        assert_true(missing > 0);
    }
}

/* libev wants to be woken, by an eventfd or by a pipe: without both it would try for ever. */
static void a_loop_that_fails_ends_the_process(void **state)
{
    (void)state;
    struct server server;
    /* The first eventfd is what tries it out. */
    faults_arm(faults, FAULT_CALLS, CALL_EVENTFD | CALL_PIPE, 2, LONG_MAX);
    assert_false(start(&server));
    assert_int_equal(server_wait(&server), 1);
    assert_non_null(strstr(server.errors, "evd-server: error: the event loop: "));
    assert_non_null(strstr(server.errors, "Too many open files"));
    assert_true(faults->asked < 10);

    faults_arm(faults, FAULT_NONE, 0, 0, 0);
    assert_true(start(&server));
    expect_served(&server, server.addresses[0]);
    faults_arm(faults, FAULT_CALLS, CALL_EPOLL_WAIT, 1, LONG_MAX);
    assert_int_equal(server_wait(&server), 1);
    assert_non_null(strstr(server.errors, "evd-server: error: the event loop: "));
    assert_non_null(strstr(server.errors, "epoll_wait: Bad file descriptor"));
    assert_true(faults->asked < 10);
    (void)unlink(
        socket_path); /* it had no chance to: the next server takes its place all the same */
    (void)unlink(port_path);
}

static void each_allocation_fails(void **state)
{
    (void)state;
    if (EVD_FAULTS_NO_MALLOC)
        skip();
    for (int for_good = 0; for_good < 2; for_good++) {
        long failed = fail_each(FAULT_ALLOCATIONS, 0, NULL, for_good != 0, LONG_MAX);
        print_message("%ld starts failed\n", failed);
        assert_true(failed > 5);
    }
}

int main(void)
{
    (void)snprintf(socket_path, sizeof socket_path, "%s/socket", scratch_dir());
    (void)snprintf(port_path, sizeof port_path, "%s/port", scratch_dir());
    faults = faults_map();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_system_call_fails),
        cmocka_unit_test(what_is_left_out_is_told_of),
        cmocka_unit_test(a_loop_that_fails_ends_the_process),
        cmocka_unit_test(each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
