#include "edit.h"

#include "edit_client.h"
#include "paths.h"
#include "study_json.h"
#include "study_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    COMMAND_MS = 600000, /* a compiler or linker, on a slow machine */
    READY_MS = 60000,
    STOP_MS = 10000,
    ANSWER_MS = 30000, /* from then on the edit counts as lost */
};
#define SOURCE_BYTES_MAX ((size_t)64 << 20)
#define EDITION          "enum { EDITION = "

const char *const lg_edit_phase_names[LG_EDIT_PHASES] = {"compile", "link", "deploy", "answer"};

/* Rewrites the line of the edition in place, as an editor's save does. */
static int save_edit(const struct lg_edit_arm *arm, unsigned edition, struct evd_error *error)
{
    char *text, *whole = NULL;
    size_t len;
    int rc = lg_read_file(arm->source, SOURCE_BYTES_MAX, &text, &len, error);
    if (rc != EVD_OK)
        return rc;
    char *at = strstr(text, EDITION), *end = at ? strchr(at, ';') : NULL;
    int made =
        end ? asprintf(&whole, "%.*s" EDITION "%u }%s", (int)(at - text), text, edition, end) : 0;
    if (!end)
        rc = evd_error_set(error, EVD_ERR_USAGE, "%s has no line '" EDITION "N };'", arm->source);
    else if (made < 0)
        rc = evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for %s", arm->source);
    else
        rc = lg_write_file(arm->source, whole, (size_t)made, error);
    free(whole);
    free(text);
    return rc;
}

/* The first line a command wrote to its stderr. */
static const char *first_line(FILE *err, char *out, size_t cap)
{
    ssize_t len = pread(fileno(err), out, cap - 1, 0);
    out[len > 0 ? len : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return out[0] ? out : "it said nothing";
}

static int run_shell(const char *command, const char *what, int stop_fd, struct evd_error *error)
{
    char *argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
                    (char *)(uintptr_t)command, NULL};
    struct lg_child child = {0, -1};
    FILE *err = tmpfile();
    int status = 0;
    if (!err)
        return evd_error_set(error, EVD_ERR_SYSTEM, "tmpfile: %s", strerror(errno));
    struct lg_spawn spawn = {.argv = argv, .cpu = -1, .out = -1, .err = fileno(err)};
    int rc = lg_child_start(&spawn, &child, error);
    if (rc == EVD_OK) {
        enum lg_wait wait = lg_child_wait(&child, stop_fd, COMMAND_MS, &status);
        char line[200];
        if (wait != LG_WAIT_DONE)
            lg_child_stop(&child, STOP_MS, &status);
        if (wait == LG_WAIT_STOPPED)
            rc = EVD_MORE;
        else if (wait == LG_WAIT_TIMEOUT)
            rc = evd_error_set(error, EVD_ERR_SYSTEM, "to %s took more than %d s", what,
                               COMMAND_MS / 1000);
        else if (status != 0)
            rc = evd_error_set(error, EVD_ERR_SYSTEM, "to %s failed (exit %d): %s", what, status,
                               first_line(err, line, sizeof(line)));
    }
    fclose(err);
    return rc;
}

/* A running server and the connection to it. */
struct service {
    struct lg_child server;
    int fd;
};

static int start(const struct lg_edit_arm *arm, int stop_fd, char *address, size_t cap,
                 struct service *service, struct evd_error *error)
{
    char *argv[LG_ARGS_MAX + 1] = {NULL};
    int ready[2];
    for (size_t i = 0; i < arm->server.count; i++)
        argv[i] = (char *)(uintptr_t)arm->server.items[i];
    if (pipe2(ready, O_CLOEXEC) != 0)
        return evd_error_set(error, EVD_ERR_SYSTEM, "pipe: %s", strerror(errno));
    struct lg_spawn spawn = {.argv = argv, .cpu = -1, .out = ready[1], .err = -1};
    int rc = lg_child_start(&spawn, &service->server, error);
    close(ready[1]);
    if (rc == EVD_OK) {
        enum lg_wait wait = lg_child_ready(ready[0], stop_fd, READY_MS, address, cap);
        if (wait == LG_WAIT_STOPPED)
            rc = EVD_MORE;
        else if (wait == LG_WAIT_TIMEOUT || !address[0])
            rc = evd_error_set(error, EVD_ERR_SYSTEM, "the server %s did not start", argv[0]);
    }
    close(ready[0]);
    return rc;
}

static void stop(struct service *service)
{
    int ignored;
    if (service->fd >= 0)
        close(service->fd);
    service->fd = -1;
    lg_child_stop(&service->server, STOP_MS, &ignored);
}

/* Asks until edition `want` answers. *ret_polls counts the questions. */
static int poll_answer(const struct lg_edit_arm *arm, int fd, unsigned want, int stop_fd,
                       unsigned *ret_polls, struct evd_error *error)
{
    uint64_t deadline = lg_now_ns() + (uint64_t)ANSWER_MS * 1000000u;
    char answer[512], expected[64];
    snprintf(expected, sizeof(expected), "{\"data\":%u}", want);
    *ret_polls = 0;
    do {
        int rc = lg_client_ask(fd, arm->event, answer, sizeof(answer), error);
        if (rc != EVD_OK)
            return rc;
        ++*ret_polls;
        if (strcmp(answer, expected) == 0)
            return EVD_OK;
    } while (lg_now_ns() < deadline && lg_stop_signal(stop_fd) == 0);
    if (lg_now_ns() < deadline)
        return EVD_MORE;
    return evd_error_set(error, EVD_ERR_SYSTEM, "%s answers %.80s, not %s, after %d s", arm->event,
                         answer, expected, ANSWER_MS / 1000);
}

static int deploy(const struct lg_edit_arm *arm, struct evd_error *error)
{
    if (rename(arm->product, arm->target) == 0)
        return EVD_OK;
    return evd_error_set(error, EVD_ERR_SYSTEM, "cannot rename %s to %s: %s", arm->product,
                         arm->target, strerror(errno));
}

int lg_edit_prepare(const struct lg_edit_arm *arm, int stop_fd, struct evd_error *ret_error)
{
    int rc = save_edit(arm, 0, ret_error);
    if (rc == EVD_OK)
        rc = run_shell(arm->compile, "compile", stop_fd, ret_error);
    if (rc == EVD_OK)
        rc = run_shell(arm->link, "link", stop_fd, ret_error);
    return rc == EVD_OK ? deploy(arm, ret_error) : rc;
}

/* Takes the time since *since into *ret_ns, and starts anew. */
static void lap(uint64_t *since, uint64_t *ret_ns)
{
    uint64_t now = lg_now_ns();
    *ret_ns = now - *since;
    *since = now;
}

/* The edit is saved; what follows is measured. */
static int bring_live(const struct lg_edit_arm *arm, unsigned edition, int stop_fd,
                      struct service *service, struct lg_edit_times *times, struct evd_error *error)
{
    char address[256];
    uint64_t since = lg_now_ns();
    int rc = run_shell(arm->compile, "compile", stop_fd, error);
    if (rc != EVD_OK)
        return rc;
    lap(&since, &times->phases[LG_EDIT_COMPILE]);
    rc = run_shell(arm->link, "link", stop_fd, error);
    if (rc != EVD_OK)
        return rc;
    lap(&since, &times->phases[LG_EDIT_LINK]);
    rc = deploy(arm, error);
    if (rc == EVD_OK && arm->restart) {
        stop(service);
        rc = start(arm, stop_fd, address, sizeof(address), service, error);
    }
    if (rc != EVD_OK)
        return rc;
    lap(&since, &times->phases[LG_EDIT_DEPLOY]);
    if (arm->restart)
        rc = lg_client_open(address, &service->fd, error);
    if (rc == EVD_OK)
        rc = poll_answer(arm, service->fd, edition + 1, stop_fd, &times->polls, error);
    lap(&since, &times->phases[LG_EDIT_ANSWER]);
    return rc;
}

int lg_edit_once(const struct lg_edit_arm *arm, unsigned edition, int stop_fd,
                 struct lg_edit_times *ret_times, struct evd_error *ret_error)
{
    struct service service = {.server = {0, -1}, .fd = -1};
    char address[256];
    unsigned polls;
    int rc = start(arm, stop_fd, address, sizeof(address), &service, ret_error);
    if (rc == EVD_OK)
        rc = lg_client_open(address, &service.fd, ret_error);
    if (rc == EVD_OK)
        rc = poll_answer(arm, service.fd, edition, stop_fd, &polls, ret_error);
    if (rc == EVD_OK)
        rc = save_edit(arm, edition + 1, ret_error);
    if (rc == EVD_OK)
        rc = bring_live(arm, edition, stop_fd, &service, ret_times, ret_error);
    stop(&service);
    return rc;
}
