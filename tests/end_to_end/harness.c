#include "harness.h"

#include "server/wire/args.h"
#include "tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_SECONDS 30  /* only ever waited for when something is broken */
#define IN_TIME_MAX      100 /* connections that were closed before they spoke */

static pid_t spawn(const char *const *argv, const struct in_child *prepare, int *ret_out,
                   int *ret_err)
{
    int out[2], err[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves no server behind */
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(err[1], STDERR_FILENO);
        if (prepare != NULL)
            prepare->run(prepare->context);
        (void)execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(out[1]);
    (void)close(err[1]);
    *ret_out = out[0];
    *ret_err = err[0];
    return pid;
}

static size_t read_pipe(int fd, char *text, size_t cap)
{
    size_t len = 0;
    ssize_t got;
    while (len < cap - 1 && (got = read(fd, text + len, cap - 1 - len)) > 0)
        len += (size_t)got;
    text[len] = '\0';
    return len;
}

static int status_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* False: its stdout ended before it said where it listens. */
static bool try_start(struct server *server, const char *program, const char *const *args,
                      const struct in_child *prepare, size_t expected)
{
    const char *argv[40] = {program};
    size_t argc = 1;
    if (getenv("EVD_TEST_WORKERS") != NULL) {
        argv[argc++] = "--workers";
        argv[argc++] = getenv("EVD_TEST_WORKERS");
    }
    for (; *args != NULL; args++, argc++) {
        assert_true(argc < 38);
        argv[argc] = *args;
    }
    *server = (struct server){0};
    server->pid = spawn(argv, prepare, &server->out, &server->err);
    FILE *out = fdopen(dup(server->out), "r");
    setbuf(out, NULL); /* what follows is left to who asks for it */
    for (size_t i = 0; i < expected; i++) {
        char line[256];
        if (fgets(line, sizeof line, out) == NULL) {
            (void)fclose(out);
            return false;
        }
        assert_int_equal(sscanf(line, "listening on %159s", server->addresses[i]), 1);
        server->address_count++;
    }
    (void)fclose(out);
    return true;
}

static void start(struct server *server, const char *program, const char *const *args,
                  const struct in_child *prepare, size_t expected)
{
    char errors[2048];
    if (try_start(server, program, args, prepare, expected))
        return;
    (void)read_pipe(server->err, errors, sizeof errors);
    fail_msg("the server did not start: %s", errors);
}

static size_t addresses_of(const char *const *args)
{
    size_t count = 0;
    for (size_t i = 0; args[i] != NULL; i++)
        count += strncmp(args[i], "--listen", 8) == 0;
    return count == 0 ? 1 : count;
}

void server_start(struct server *server, const char *const *args)
{
    start(server, EVD_SERVER_PATH, args, NULL, addresses_of(args));
}

void server_start_program(struct server *server, const char *program, const char *const *args)
{
    start(server, program, args, NULL, addresses_of(args));
}

void server_start_in(struct server *server, const char *const *args, const struct in_child *prepare,
                     size_t addresses)
{
    start(server, EVD_SERVER_PATH, args, prepare, addresses);
}

bool server_may_start(struct server *server, const char *const *args)
{
    return try_start(server, EVD_SERVER_PATH, args, NULL, addresses_of(args));
}

unsigned server_workers(void)
{
    const char *text = getenv("EVD_TEST_WORKERS");
    return text == NULL ? 1 : (unsigned)strtoul(text, NULL, 10);
}

static size_t status_bytes(const struct server *server, const char *format)
{
    char path[64], line[256];
    unsigned long kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)server->pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (kib == 0 && fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, format, &kib);
    (void)fclose(file);
    assert_true(kib > 0);
    return kib * 1024;
}

size_t server_resident_bytes(const struct server *server)
{
    return status_bytes(server, "VmRSS: %lu kB");
}

size_t server_anonymous_bytes(const struct server *server)
{
    return status_bytes(server, "RssAnon: %lu kB");
}

void server_read_error(struct server *server, char *line, size_t cap)
{
    for (size_t len = 0; len < cap; len++) {
        if (read(server->err, line + len, 1) != 1)
            fail_msg("the server's stderr ended");
        if (line[len] == '\n') {
            line[len] = '\0';
            return;
        }
    }
    fail_msg("the line is longer than %zu bytes", cap);
}

int server_wait(struct server *server)
{
    (void)read_pipe(server->err, server->errors, sizeof server->errors);
    int status = status_of(server->pid);
    (void)close(server->out);
    (void)close(server->err);
    return status;
}

int server_stop(struct server *server)
{
    (void)kill(server->pid, SIGTERM);
    return server_wait(server);
}

int client_connect(const char *address)
{
    struct evd_address parsed;
    struct evd_error error;
    if (evd_parse_address(address, &parsed, &error) < 0)
        fail_msg("%s", error.text);
    int fd = socket(parsed.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    if (connect(fd, (struct sockaddr *)&parsed.addr, parsed.len) < 0)
        fail_msg("connect %s: %s", address, strerror(errno));
    return fd;
}

int client_connect_in_time(const char *address, const char *call, const char *answer)
{
    char line[256];
    for (int i = 0; i < IN_TIME_MAX; i++) {
        int fd = client_connect(address);
        bool late = send(fd, call, strlen(call), MSG_NOSIGNAL) < 0;
        ssize_t got = late ? 0 : recv(fd, line, 1, MSG_PEEK);
        if (got < 0 && errno == EAGAIN)
            fail_msg("the server neither answers nor closes");
        if (got > 0) {
            (void)client_read_line(fd, line, sizeof line);
            assert_string_equal(line, answer);
            return fd;
        }
        (void)close(fd);
    }
    fail_msg("%d connections were closed before they were answered", IN_TIME_MAX);
    return -1;
}

void client_send(int fd, const void *bytes, size_t len)
{
    const char *p = bytes;
    while (len > 0) {
        ssize_t sent = send(fd, p, len, MSG_NOSIGNAL);
        if (sent < 0)
            fail_msg("send: %s", strerror(errno));
        p += sent;
        len -= (size_t)sent;
    }
}

void client_send_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

void client_read(int fd, void *bytes, size_t len)
{
    char *p = bytes;
    while (len > 0) {
        ssize_t got = recv(fd, p, len, 0);
        if (got <= 0)
            fail_msg("recv: %s, %zu bytes are missing", got == 0 ? "end" : strerror(errno), len);
        p += got;
        len -= (size_t)got;
    }
}

size_t client_read_line(int fd, char *line, size_t cap)
{
    for (size_t len = 0; len < cap; len++) {
        client_read(fd, line + len, 1);
        if (line[len] == '\n') {
            line[len] = '\0';
            return len;
        }
    }
    fail_msg("the line is longer than %zu bytes", cap);
    return 0;
}

size_t client_read_all(int fd, char *text, size_t cap)
{
    size_t len = 0;
    for (;;) {
        assert_true(len < cap - 1);
        ssize_t got = recv(fd, text + len, cap - 1 - len, 0);
        if (got < 0)
            fail_msg("recv: %s", strerror(errno));
        if (got == 0)
            break;
        len += (size_t)got;
    }
    text[len] = '\0';
    return len;
}

int run_program(const char *const *argv, char *out, size_t out_cap, char *err, size_t err_cap)
{
    int out_fd, err_fd;
    pid_t pid = spawn(argv, NULL, &out_fd, &err_fd);
    /* Programs that are run this way print little: neither pipe fills while the other is read. */
    (void)read_pipe(out_fd, out, out_cap);
    (void)read_pipe(err_fd, err, err_cap);
    int status = status_of(pid);
    (void)close(out_fd);
    (void)close(err_fd);
    return status;
}

const char *scratch_dir(void)
{
    return test_scratch();
}
