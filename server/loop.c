#include "loop.h"

#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* To return would be to try again, for ever. */
static void on_failure(const char *what) EV_NOEXCEPT
{
    char text[200];
    (void)snprintf(text, sizeof text, "the event loop: %s: %s", what, strerror(errno));
    evd_log_write(NULL, EVD_LOG_ERROR, text);
    _exit(EXIT_FAILURE);
}

void evd_loop_guard(void)
{
    ev_set_syserr_cb(on_failure);
}

static int fail_errno(struct evd_error *ret_error, const char *what)
{
    return evd_error_set(ret_error, EVD_ERR_SYSTEM, "the event loop: %s: %s", what,
                         strerror(errno));
}

/* A loop is woken by an eventfd in an epoll: without either a worker would hear of nothing, and the
 * main thread of no signal. */
static int try_out(struct evd_error *ret_error)
{
    struct epoll_event event = {.events = EPOLLIN};
    int rc = EVD_OK, epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return fail_errno(ret_error, "epoll_create1");
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        rc = fail_errno(ret_error, "eventfd");
    else if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        rc = fail_errno(ret_error, "epoll_ctl");
    if (fd >= 0)
        (void)close(fd);
    (void)close(epoll);
    return rc;
}

int evd_loop_open(bool first, struct ev_loop **ret_loop, struct evd_error *ret_error)
{
    int rc = try_out(ret_error);
    if (rc < 0)
        return rc;
    const unsigned flags = EVFLAG_NOENV | EVBACKEND_EPOLL;
    *ret_loop = first ? ev_default_loop(flags) : ev_loop_new(flags);
    return *ret_loop != NULL ? EVD_OK : fail_errno(ret_error, "epoll");
}
