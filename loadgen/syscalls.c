#include "syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int find_tracepoint(uint64_t *ret_id, struct evd_error *ret_error)
{
    static const char *const paths[] = {
        "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id",
        "/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter/id",
    };
    int error = 0;

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        FILE *file = fopen(paths[i], "re");
        bool good = file != NULL && fscanf(file, "%" SCNu64, ret_id) == 1;

        if (file == NULL && (error == 0 || errno != ENOENT))
            error = errno;
        if (file != NULL)
            fclose(file);
        if (good)
            return EVD_OK;
    }
    return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                         "system calls cannot be counted: %s: %s (is tracefs mounted, and this "
                         "root?)",
                         paths[0], strerror(error));
}

static int open_thread(struct lg_syscalls *syscalls, pid_t thread, uint64_t id,
                       struct evd_error *ret_error)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .config = id};
    int fd;

    if (syscalls->count == LG_SYSCALL_THREADS_MAX)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "system calls cannot be counted: more than %d threads",
                             LG_SYSCALL_THREADS_MAX);
    fd = (int)syscall(SYS_perf_event_open, &attr, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0 && errno == ESRCH) /* it has just ended */
        return EVD_OK;
    if (fd < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "system calls cannot be counted: perf_event_open: %s",
                             strerror(errno));
    syscalls->fds[syscalls->count++] = fd;
    return EVD_OK;
}

int lg_syscalls_open(struct lg_syscalls *syscalls, pid_t pid, struct evd_error *ret_error)
{
    char path[64];
    const struct dirent *entry;
    uint64_t id = 0;
    DIR *dir;
    int rc = find_tracepoint(&id, ret_error);

    syscalls->count = 0;
    if (rc < 0)
        return rc;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    dir = opendir(path);
    if (dir == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "system calls cannot be counted: %s: %s",
                             path, strerror(errno));
    while (rc == EVD_OK && (entry = readdir(dir)) != NULL) /* bounded by the threads */
        if (entry->d_name[0] != '.')
            rc = open_thread(syscalls, (pid_t)strtol(entry->d_name, NULL, 10), id, ret_error);
    closedir(dir);
    if (rc < 0)
        lg_syscalls_close(syscalls);
    return rc;
}

uint64_t lg_syscalls_read(const struct lg_syscalls *syscalls)
{
    uint64_t sum = 0, value;

    for (unsigned i = 0; i < syscalls->count; i++)
        if (read(syscalls->fds[i], &value, sizeof(value)) == (ssize_t)sizeof(value))
            sum += value;
    return sum;
}

void lg_syscalls_close(struct lg_syscalls *syscalls)
{
    while (syscalls->count > 0)
        close(syscalls->fds[--syscalls->count]);
}
