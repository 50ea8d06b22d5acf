#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int open_file(const char *path, struct evd_error *ret_error)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--log-file %s: %s", path, strerror(errno));
    return fd;
}

int evd_log_open(struct evd_log *log, const char *path, struct evd_error *ret_error)
{
    *log = (struct evd_log){.fd = STDERR_FILENO};
    if (path == NULL)
        return EVD_OK;
    int fd = open_file(path, ret_error);
    if (fd < 0)
        return fd;
    *log = (struct evd_log){.fd = fd, .path = path};
    return EVD_OK;
}

int evd_log_reopen(struct evd_log *log, struct evd_error *ret_error)
{
    if (log->path == NULL)
        return EVD_OK;
    int fd = open_file(log->path, ret_error);
    if (fd < 0)
        return fd;
    /* The number stays and changes its file in one step: a line goes to the old or to the new. */
    int rc = dup3(fd, log->fd, O_CLOEXEC) < 0
                 ? evd_error_set(ret_error, EVD_ERR_SYSTEM, "--log-file %s: %s", log->path,
                                 strerror(errno))
                 : EVD_OK;
    (void)close(fd);
    return rc;
}

void evd_log_close(struct evd_log *log)
{
    if (log->path != NULL)
        (void)close(log->fd);
    *log = (struct evd_log){.fd = STDERR_FILENO};
}

static size_t put_time(char *out, size_t cap)
{
    struct timespec now;
    struct tm utc;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(out + len, cap - len, ".%03ldZ ", now.tv_nsec / 1000000);
    return len + (more > 0 ? (size_t)more : 0);
}

void evd_log_put(const struct evd_log *log, const char *lines, size_t len)
{
    int fd = log != NULL ? log->fd : STDERR_FILENO;
    while (len > 0) {
        ssize_t written = write(fd, lines, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        lines += written;
        len -= (size_t)written;
    }
}

void evd_log_write(void *context, enum evd_log_level level, const char *text)
{
    static const char *const names[] = {"error", "warning", "info"};
    const struct evd_log *log = context;
    char line[EVD_LOG_LINE_MAX];
    size_t len = 0, cap = sizeof line - 1; /* the newline's place */

    if (log == NULL || log->path == NULL)
        len = (size_t)snprintf(line, cap, "evd-server: ");
    else
        len = put_time(line, cap);
    int more = snprintf(line + len, cap - len, "%s: %s", names[level], text);
    if (more > 0)
        len = len + (size_t)more < cap ? len + (size_t)more : cap - 1;
    line[len++] = '\n';
    evd_log_put(log, line, len);
}
