#include "systemd.h"

#include "server/wire/args.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

/* False where the variable is missing or no number. */
static bool number_of(const char *name, uint64_t max, uint64_t *ret_value)
{
    struct evd_error error;
    const char *text = getenv(name);
    return text != NULL && evd_parse_uint(text, 0, max, ret_value, &error) == EVD_OK;
}

/* Where NAME_PID is not this process, the variables were meant for an ancestor. */
static bool is_ours(const char *name)
{
    uint64_t pid = 0;
    return number_of(name, INT32_MAX, &pid) && pid == (uint64_t)getpid();
}

int evd_systemd_listeners(int *fds, size_t max, size_t *ret_count, struct evd_error *ret_error)
{
    uint64_t count = 0;
    bool ours = is_ours("LISTEN_PID") && number_of("LISTEN_FDS", INT32_MAX, &count);

    *ret_count = 0;
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    if (!ours)
        return EVD_OK;
    if (count > max)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "LISTEN_FDS: %llu sockets were passed, at most %zu are allowed",
                             (unsigned long long)count, max);
    for (int i = 0; i < (int)count; i++) {
        fds[i] = FIRST_FD + i;
        if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) < 0)
            return evd_error_set(ret_error, EVD_ERR_USAGE, "LISTEN_FDS: descriptor %d: %s", fds[i],
                                 strerror(errno));
    }
    *ret_count = (size_t)count;
    return EVD_OK;
}

int evd_systemd_notify(const char *state, struct evd_error *ret_error)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path == NULL)
        return EVD_OK;
    size_t len = strlen(path);
    if ((*path != '/' && *path != '@') || len < 2 || len >= sizeof to.sun_path)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "NOTIFY_SOCKET=%.100s is not a socket: it starts with / or @", path);
    memcpy(to.sun_path, path, len);
    if (*path == '@') /* of the abstract namespace */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ssize_t sent =
        fd < 0 ? -1
               : sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, to_len);
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    if (sent < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "NOTIFY_SOCKET=%.100s: %s", path,
                             strerror(why));
    return EVD_OK;
}

uint64_t evd_systemd_watchdog_ns(void)
{
    uint64_t usec = 0;
    if (getenv("WATCHDOG_PID") != NULL && !is_ours("WATCHDOG_PID"))
        return 0;
    return number_of("WATCHDOG_USEC", UINT64_MAX / 1000, &usec) ? usec * 1000 : 0;
}
