/* As a service: sockets that are passed, a manager that is told, a log that is rotated, no root. */
#include "harness.h"

#include "server/wire/args.h"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS "{\"event\":\"api.services.status\"}\n"
#define ONLINE "{\"data\":\"online\"}"

static void ask(const char *address)
{
    char line[256];
    int fd = client_connect(address);
    client_send_text(fd, STATUS);
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, ONLINE);
    (void)close(fd);
}

/* ---- The service manager's side of the two protocols, as sd_listen_fds(3) and sd_notify(3)
 * describe it. ---- */

struct manager {
    int fds[2];
    int fd_count;
    bool other_pid;            /* the sockets are said to be for another process */
    char notify_path[108];     /* "": none; '@': abstract */
    int notify;                /* the socket at notify_path */
    const char *watchdog_usec; /* NULL: none */
};

/* In the child: descriptors from 3 on, and the environment that announces them. */
static void be_started(void *context)
{
    const struct manager *m = context;
    char text[32];
    int high[2] = {-1, -1};
    for (int i = 0; i < m->fd_count; i++)
        high[i] = fcntl(m->fds[i], F_DUPFD, 100);
    for (int i = 0; i < m->fd_count; i++) {
        (void)dup2(high[i], 3 + i);
        (void)close(high[i]);
    }
    if (m->fd_count > 0) {
        (void)snprintf(text, sizeof text, "%d", (int)getpid() + m->other_pid);
        (void)setenv("LISTEN_PID", text, 1);
        (void)snprintf(text, sizeof text, "%d", m->fd_count);
        (void)setenv("LISTEN_FDS", text, 1);
    }
    if (m->notify_path[0] != '\0')
        (void)setenv("NOTIFY_SOCKET", m->notify_path, 1);
    if (m->watchdog_usec != NULL)
        (void)setenv("WATCHDOG_USEC", m->watchdog_usec, 1);
}

static void start(struct server *server, struct manager *manager, const char *const *args,
                  size_t addresses)
{
    const struct in_child prepare = {be_started, manager};
    server_start_in(server, args, &prepare, addresses);
}

static int listen_tcp(char *address, size_t cap)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct evd_address bound = {.len = sizeof bound.addr};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(listen(fd, 100), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound.addr, &bound.len), 0);
    (void)evd_format_address(&bound, address, cap);
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    (void)snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(fd, 100), 0);
    return fd;
}

static void open_notify(struct manager *manager, const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 30};
    size_t len = strlen(path);
    (void)snprintf(manager->notify_path, sizeof manager->notify_path, "%s", path);
    memcpy(un.sun_path, path, len);
    if (*path == '@')
        un.sun_path[0] = '\0';
    manager->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager->notify, (struct sockaddr *)&un,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
    assert_int_equal(
        setsockopt(manager->notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
}

static void expect_told(const struct manager *manager, const char *expected)
{
    char text[256];
    ssize_t got = recv(manager->notify, text, sizeof text - 1, 0);
    assert_true(got > 0);
    text[got] = '\0';
    assert_string_equal(text, expected);
}

/* ---- Sockets that are passed. ---- */

static void check_passed(const char *workers)
{
    struct server server;
    char path[100], tcp[80], line[256], unix_address[120];
    (void)snprintf(path, sizeof path, "%s/passed%s.sock", scratch_dir(), workers + 9);
    (void)snprintf(unix_address, sizeof unix_address, "unix://%s", path);
    struct manager manager = {.fds = {listen_tcp(tcp, sizeof tcp), listen_unix(path)},
                              .fd_count = 2};

    /* Who connects before there is a server is served by it. */
    int early = client_connect(tcp);
    client_send_text(early, STATUS);
    const char *args[] = {workers, NULL};
    start(&server, &manager, args, 2);
    assert_string_equal(server.addresses[0], tcp);
    assert_string_equal(server.addresses[1], unix_address);
    (void)client_read_line(early, line, sizeof line);
    assert_string_equal(line, ONLINE);
    (void)close(early);
    ask(server.addresses[1]);
    assert_int_equal(server_stop(&server), 0);

    /* Between two servers nobody is refused, and the socket's file is not the server's. */
    assert_int_equal(access(path, F_OK), 0);
    early = client_connect(unix_address);
    client_send_text(early, STATUS);
    start(&server, &manager, args, 2);
    (void)client_read_line(early, line, sizeof line);
    assert_string_equal(line, ONLINE);
    (void)close(early);
    assert_int_equal(server_stop(&server), 0);
    assert_string_equal(server.errors, "");
    (void)close(manager.fds[0]);
    (void)close(manager.fds[1]);
}

static void test_passed_sockets(void **state)
{
    (void)state;
    check_passed("--workers=1");
    check_passed("--workers=3");
}

static void test_passed_and_own(void **state)
{
    (void)state;
    struct server server;
    char tcp[80];
    struct manager manager = {.fds = {listen_tcp(tcp, sizeof tcp)}, .fd_count = 1};
    const char *args[] = {"--listen=tcp://127.0.0.1:0", NULL};
    start(&server, &manager, args, 2);
    assert_string_equal(server.addresses[0], tcp);
    ask(server.addresses[0]);
    ask(server.addresses[1]);
    assert_int_equal(server_stop(&server), 0);
    (void)close(manager.fds[0]);
}

/* The variables of a parent that did not clean up. */
static void test_passed_to_another(void **state)
{
    (void)state;
    struct server server;
    char tcp[80];
    struct manager manager = {
        .fds = {listen_tcp(tcp, sizeof tcp)}, .fd_count = 1, .other_pid = true};
    const char *args[] = {NULL};
    start(&server, &manager, args, 1);
    assert_string_not_equal(server.addresses[0], tcp);
    ask(server.addresses[0]);
    assert_int_equal(server_stop(&server), 0);
    (void)close(manager.fds[0]);
}

static void test_passed_is_no_listener(void **state)
{
    (void)state;
    struct server server;
    struct manager manager = {.fds = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)},
                              .fd_count = 1};
    const char *args[] = {NULL};
    start(&server, &manager, args, 0);
    assert_int_equal(server_wait(&server), 1);
    assert_non_null(strstr(server.errors, "descriptor 3 is not a listening stream socket"));
    (void)close(manager.fds[0]);
}

/* ---- The manager is told. ---- */

static void check_notify(const char *path, const char *option)
{
    struct server server;
    struct manager manager = {.notify_path = ""};
    const char *args[] = {option, NULL};
    open_notify(&manager, path);
    start(&server, &manager, args, 1);
    expect_told(&manager, "READY=1");
    ask(server.addresses[0]);
    assert_int_equal(server_stop(&server), 0);
    expect_told(&manager, "STOPPING=1");
    expect_told(&manager, "STATUS=Ended after 1 calls on 1 connections");
    assert_string_equal(server.errors, "");
    (void)close(manager.notify);
}

static void test_notify(void **state)
{
    (void)state;
    char path[100];
    (void)snprintf(path, sizeof path, "%s/notify", scratch_dir());
    check_notify(path, NULL);
    (void)snprintf(path, sizeof path, "@%s/abstract", scratch_dir());
    check_notify(path, NULL);
    (void)snprintf(path, sizeof path, "%s/delayed", scratch_dir());
    check_notify(path, "--drain-delay=1ms");
}

/* A manager that is gone is no reason not to serve. */
static void test_nobody_to_notify(void **state)
{
    (void)state;
    struct server server;
    struct manager manager = {.notify_path = "/nonexistent/notify"};
    const char *args[] = {NULL};
    start(&server, &manager, args, 1);
    ask(server.addresses[0]);
    assert_int_equal(server_stop(&server), 0);
    assert_non_null(strstr(server.errors, "warning: NOTIFY_SOCKET=/nonexistent/notify"));
}

static void test_watchdog(void **state)
{
    (void)state;
    struct server server;
    char path[100], fifo[100], call[200], text[64];
    struct manager manager = {.watchdog_usec = "20000"};
    const char *args[] = {"--workers=2", "--drain-timeout=1h", "--dispatch=dynamic",
                          "--modules=" EVD_TEST_MODULES_PATH, NULL};
    (void)snprintf(path, sizeof path, "%s/watchdog", scratch_dir());
    (void)snprintf(fifo, sizeof fifo, "%s/watchdog.fifo", scratch_dir());
    assert_int_equal(mkfifo(fifo, 0600), 0);
    open_notify(&manager, path);
    start(&server, &manager, args, 1);
    expect_told(&manager, "READY=1");
    expect_told(&manager, "WATCHDOG=1");
    expect_told(&manager, "WATCHDOG=1");

    /* One worker of two stalls: no sign of life any more. What was sent before may still come. */
    int fd = client_connect(server.addresses[0]);
    (void)snprintf(call, sizeof call, "{\"event\":\"stall.on\",\"data\":\"%s\"}\n", fifo);
    client_send_text(fd, call);
    int held = open(fifo, O_WRONLY | O_CLOEXEC);
    assert_true(held >= 0);
    assert_int_equal(kill(server.pid, SIGUSR1), 0); /* answered after a second by the other */
    char line[4096];
    server_read_error(&server, line, sizeof line);
    assert_non_null(strstr(line, "\"silent\":true"));
    while (recv(manager.notify, text, sizeof text, MSG_DONTWAIT) > 0)
        continue;
    assert_int_equal(kill(server.pid, SIGUSR1), 0); /* one more second: fifty missed signs */
    server_read_error(&server, line, sizeof line);
    assert_int_equal(recv(manager.notify, text, sizeof text, MSG_DONTWAIT), -1);

    (void)close(held);
    expect_told(&manager, "WATCHDOG=1");
    (void)close(fd);
    assert_int_equal(server_stop(&server), 0);
    (void)close(manager.notify);
}

/* ---- The log. ---- */

static size_t read_file(const char *path, char *text, size_t cap)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    size_t len = fread(text, 1, cap - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    return len;
}

/* Waits until the file has more than so many bytes and ends with a line. Returns its size. */
static size_t wait_for_more(const char *path, size_t before, char *text, size_t cap)
{
    struct pollfd changes = {.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .events = POLLIN};
    char events[4096];
    assert_true(inotify_add_watch(changes.fd, scratch_dir(), IN_CREATE | IN_MODIFY) >= 0);
    for (;;) {
        size_t len = read_file(path, text, cap);
        if (len > before && text[len - 1] == '\n') {
            (void)close(changes.fd);
            return len;
        }
        if (poll(&changes, 1, 30000) != 1)
            fail_msg("nothing was written to %s", path);
        (void)!read(changes.fd, events, sizeof events);
    }
}

/* SIGUSR1 writes a line; returns when it stands in the file. */
static size_t write_line(const struct server *server, const char *path, char *text, size_t cap)
{
    size_t before = read_file(path, text, cap);
    assert_int_equal(kill(server->pid, SIGUSR1), 0);
    return wait_for_more(path, before, text, cap);
}

static void test_log_is_reopened(void **state)
{
    (void)state;
    struct server server;
    char path[100], old[110], older[110], option[140], text[8192];
    (void)snprintf(path, sizeof path, "%s/log", scratch_dir());
    (void)snprintf(old, sizeof old, "%s.1", path);
    (void)snprintf(older, sizeof older, "%s.2", path);
    (void)snprintf(option, sizeof option, "--log-file=%s", path);
    const char *args[] = {option, NULL};
    FILE *file = fopen(path, "w");
    (void)fputs("of a server before\n", file);
    (void)fclose(file);
    server_start(&server, args);
    (void)write_line(&server, path, text, sizeof text);
    assert_int_equal(strncmp(text, "of a server before\n{", 20), 0);
    assert_int_equal(rename(path, older), 0);
    size_t size = write_line(&server, older, text, sizeof text); /* it is still the same file */
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(kill(server.pid, SIGHUP), 0);
    assert_int_equal(kill(server.pid, SIGUSR1), 0); /* if not yet, then into the older one */
    if (wait_for_more(path, 0, text, sizeof text) > 0)
        assert_int_equal(read_file(older, text, sizeof text), size);

    /* Where a new one cannot be opened, the old one goes on, and says so, and when. */
    assert_int_equal(rename(path, old), 0);
    size = read_file(old, text, sizeof text);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(kill(server.pid, SIGHUP), 0);
    (void)wait_for_more(old, size, text, sizeof text);
    char says[200];
    int year, month, day, hour, minute, second, milli;
    (void)snprintf(says, sizeof says, "Z error: --log-file %s: Is a directory\n", path);
    assert_int_equal(sscanf(text + size, "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &year, &month, &day, &hour,
                            &minute, &second, &milli),
                     7);
    assert_string_equal(text + size + strlen("2026-01-31T23:59:59.123"), says);
    ask(server.addresses[0]);
    assert_int_equal(server_stop(&server), 0);
    assert_string_equal(server.errors, "");
}

static void test_hup_without_a_file(void **state)
{
    (void)state;
    struct server server;
    char line[4096];
    const char *args[] = {NULL};
    server_start(&server, args);
    assert_int_equal(kill(server.pid, SIGHUP), 0);
    assert_int_equal(kill(server.pid, SIGUSR1), 0);
    server_read_error(&server, line, sizeof line);
    ask(server.addresses[0]);
    assert_int_equal(server_stop(&server), 0);
}

static void test_log_that_cannot_be_opened(void **state)
{
    (void)state;
    char out[256], err[256];
    const char *argv[] = {EVD_SERVER_PATH, "--log-file=/nonexistent/log", NULL};
    assert_int_equal(run_program(argv, out, sizeof out, err, sizeof err), 1);
    assert_string_equal(err, "evd-server: error: --log-file /nonexistent/log: "
                             "No such file or directory\n");
}

/* ---- No root. ---- */

#define NOBODY 65534

static void drop_root(void *context)
{
    (void)context;
    if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(126);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* the change has taken it back */
}

static void test_without_root(void **state)
{
    (void)state;
    struct server server;
    const struct in_child prepare = {drop_root, NULL};
    const char *args[] = {"--workers=2", "--dispatch=dynamic", "--modules=" EVD_MODULES_PATH, NULL};
    char line[256];
    if (geteuid() != 0) { /* then every other test is this one */
        skip();
        return;
    }
    if (access(EVD_SERVER_PATH, X_OK) < 0)
        fail();
    server_start_in(&server, args, &prepare, 0);
    FILE *out = fdopen(dup(server.out), "r");
    if (fgets(line, sizeof line, out) == NULL) { /* nobody may not enter the build's folder */
        (void)fclose(out);
        int status = server_wait(&server);
        assert_true(status == 127 || status == 126);
        skip();
        return;
    }
    assert_int_equal(sscanf(line, "listening on %159s", server.addresses[0]), 1);
    (void)fclose(out);
    char path[64];
    struct stat status;
    (void)snprintf(path, sizeof path, "/proc/%d", (int)server.pid);
    assert_int_equal(stat(path, &status), 0);
    ask(server.addresses[0]);
    assert_int_equal(server_stop(&server), 0);
    assert_string_equal(server.errors, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passed_sockets),
        cmocka_unit_test(test_passed_and_own),
        cmocka_unit_test(test_passed_to_another),
        cmocka_unit_test(test_passed_is_no_listener),
        cmocka_unit_test(test_notify),
        cmocka_unit_test(test_nobody_to_notify),
        cmocka_unit_test(test_watchdog),
        cmocka_unit_test(test_log_is_reopened),
        cmocka_unit_test(test_hup_without_a_file),
        cmocka_unit_test(test_log_that_cannot_be_opened),
        cmocka_unit_test(test_without_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
