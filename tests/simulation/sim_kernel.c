/* Sockets, descriptors and clocks: where worker.c, listener.c and conn_socket.c make system calls,
 * they come here (--wrap). What no client of a kernel may do is a failure of the test: a descriptor
 * that was closed, a write that could raise SIGPIPE or block, bytes behind one's own end. */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
int __wrap_shutdown(int fd, int how);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_listen(int fd, int backlog);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_epoll_create1(int flags);
int __wrap_eventfd(unsigned count, int flags);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);

static void *gone_data[SIM_FILES];

static struct sim_file *file_of(int fd, enum sim_kind kind)
{
    SIM_CHECK(fd >= SIM_FD && fd < sim.next_fd);
    struct sim_file *file = &sim.files[fd - SIM_FD];
    SIM_CHECK(file->kind == kind);
    return file;
}

static struct sim_socket *socket_of(int fd)
{
    return &sim.sockets[file_of(fd, SIM_STREAM)->peer];
}

static int fail_with(int error)
{
    errno = error;
    return -1;
}

static int new_fd(enum sim_kind kind)
{
    if (sim.descriptor_limit > 0 && sim.descriptors >= sim.descriptor_limit)
        return fail_with(EMFILE);
    SIM_CHECK(sim.next_fd < SIM_FD + SIM_FILES);
    sim.files[sim.next_fd - SIM_FD] = (struct sim_file){.kind = kind};
    sim.descriptors++;
    return sim.next_fd++;
}

/* ---- Streams. ---- */

static size_t shortened(size_t len)
{
    if (!sim.counting || !sim_one_in(sim.plan.shorts))
        return len;
    return sim.plan.shorts == 1 ? 1 : 1 + sim_below(len);
}

/* A read or a write that fails: the server's end of it must be closed in the same event. */
static int fail_stream(struct sim_socket *s, int error)
{
    s->failed = true;
    return fail_with(error);
}

static bool interrupted(void)
{
    return sim.counting && sim_one_in(sim.plan.interrupts);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct sim_socket *s = socket_of(fd);
    SIM_CHECK((flags & MSG_DONTWAIT) != 0);
    if (interrupted())
        return fail_with(EINTR);
    if (sim_fails(SIM_RECV, fd))
        return fail_stream(s, ENOMEM);
    if (s->client_reset)
        return fail_stream(s, ECONNRESET);
    size_t there = s->sent - s->taken, now = 0;
    if (there == 0)
        return s->client_shut ? 0 : fail_with(EAGAIN);
    there = shortened(there);
    for (size_t i = 0; i < message->msg_iovlen && there > 0; i++) {
        const struct iovec *part = &message->msg_iov[i];
        size_t len = there < part->iov_len ? there : part->iov_len;
        memcpy(part->iov_base, s->in + s->taken + now, len);
        there -= len;
        now += len;
    }
    if ((flags & MSG_PEEK) == 0)
        s->taken += now;
    return (ssize_t)now;
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
    SIM_CHECK(len > 0);
    struct iovec part = {buf, len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return __wrap_recvmsg(fd, &message, flags);
}

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
    struct sim_socket *s = socket_of(fd);
    SIM_CHECK((flags & MSG_NOSIGNAL) !=
              0); /* SIGPIPE would end a process that does not ignore it */
    SIM_CHECK((flags & MSG_DONTWAIT) != 0 && len > 0 && !s->server_shut);
    if (interrupted())
        return fail_with(EINTR);
    if (sim_fails(SIM_SEND, fd))
        return fail_stream(s, ENOBUFS);
    if (s->client_reset)
        return fail_stream(s, EPIPE);
    size_t room = s->window - (s->out_len - s->out_read);
    if (room == 0)
        return fail_with(EAGAIN);
    size_t now = shortened(len < room ? len : room);
    SIM_CHECK(s->out_len + now <= s->out_max);
    memcpy(s->out + s->out_len, buf, now);
    s->out_len += now;
    return (ssize_t)now;
}

int __wrap_shutdown(int fd, int how)
{
    struct sim_socket *s = socket_of(fd);
    SIM_CHECK(how == SHUT_WR && !s->server_shut);
    if (sim_fails(SIM_SHUTDOWN, fd) || s->client_reset)
        return fail_with(ENOTCONN);
    s->server_shut = true;
    return 0;
}

static void hang_up(struct sim_socket *s, bool reset)
{
    s->server_gone = s->server_shut = true;
    s->server_reset |= reset;
    s->fd = SIM_NOBODY;
}

int __wrap_close(int fd)
{
    if (fd < SIM_FD)
        return __real_close(fd);
    SIM_CHECK(fd < sim.next_fd);
    struct sim_file *file = &sim.files[fd - SIM_FD];
    SIM_CHECK(file->kind != SIM_FREE); /* closed twice: by then it may be somebody else's */
    if (file->kind == SIM_STREAM) {
        struct sim_socket *s = &sim.sockets[file->peer];
        hang_up(s, s->taken < s->sent || file->reset_at_close);
    }
    for (int i = 0; file->kind == SIM_LISTENER && i < file->queued; i++)
        hang_up(&sim.sockets[file->queue[i]], true);
    *file = (struct sim_file){.kind = SIM_FREE};
    sim.descriptors--;
    return sim_fails(SIM_CLOSE, fd) ? fail_with(EIO) : 0;
}

bool sim_suspect(int peer)
{
    const struct sim_socket *s = &sim.sockets[peer];
    if (sim.failed == 0)
        return false;
    if (sim.victim == SIM_EVERYONE || (s->accepted && sim.victim == s->was_fd))
        return true;
    const struct sim_file *file = &sim.files[sim.victim - SIM_FD];
    return file->kind != SIM_STREAM && (!s->accepted || s->sequence >= sim.failed_at);
}

/* ---- Listeners. ---- */

int __wrap_socket(int family, int type, int protocol)
{
    SIM_CHECK(family == AF_INET && protocol == 0);
    SIM_CHECK(type == (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK));
    return sim_fails(SIM_SOCKET, SIM_EVERYONE) ? fail_with(EMFILE) : new_fd(SIM_FRESH);
}

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    SIM_CHECK(file_of(fd, SIM_FRESH) != NULL && addr->sa_family == AF_INET && len > 0);
    return sim_fails(SIM_BIND, fd) ? fail_with(EADDRINUSE) : 0;
}

int __wrap_listen(int fd, int backlog)
{
    struct sim_file *file = file_of(fd, SIM_FRESH);
    SIM_CHECK(backlog > 0);
    if (sim_fails(SIM_LISTEN, fd))
        return fail_with(EADDRINUSE);
    file->kind = SIM_LISTENER;
    return 0;
}

bool sim_connect(int peer)
{
    int listeners[SIM_WORKERS * EVD_LISTEN_MAX], count = 0;
    for (int fd = SIM_FD; fd < sim.next_fd; fd++)
        if (sim.files[fd - SIM_FD].kind == SIM_LISTENER)
            listeners[count++] = fd;
    if (count == 0)
        return false;
    struct sim_file *file = &sim.files[listeners[sim_below((size_t)count)] - SIM_FD];
    if (file->queued == SIM_QUEUE)
        return false;
    file->queue[file->queued++] = peer;
    sim.sockets[peer].connected = true;
    return true;
}

static int accept_error(void)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO};
    if (sim.plan.accept_errno != 0)
        return sim.plan.accept_errno;
    return errors[sim_below(sizeof errors / sizeof *errors)];
}

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct sim_file *file = file_of(fd, SIM_LISTENER);
    SIM_CHECK(addr == NULL && len == NULL && flags == (SOCK_NONBLOCK | SOCK_CLOEXEC));
    sim.accepts++;
    if (interrupted())
        return fail_with(EINTR);
    if (sim_fails(SIM_ACCEPT, fd))
        return fail_with(accept_error());
    if (file->queued == 0)
        return fail_with(EAGAIN);
    int accepted = new_fd(SIM_STREAM);
    if (accepted < 0)
        return -1;
    int peer = file->queue[0];
    memmove(file->queue, file->queue + 1, (size_t)--file->queued * sizeof *file->queue);
    sim.files[accepted - SIM_FD].peer = peer;
    struct sim_socket *s = &sim.sockets[peer];
    s->accepted = true;
    s->fd = s->was_fd = accepted;
    s->sequence = ++sim.accepted;
    return accepted;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    SIM_CHECK(fd >= SIM_FD && fd < sim.next_fd && len > 0);
    struct sim_file *file = &sim.files[fd - SIM_FD];
    SIM_CHECK(file->kind == SIM_STREAM || file->kind == SIM_FRESH || file->kind == SIM_LISTENER);
    if (sim_fails(SIM_SETSOCKOPT, fd))
        return fail_with(ENOMEM);
    if (level == SOL_SOCKET && name == SO_LINGER) {
        const struct linger *linger = value;
        file->reset_at_close = linger->l_onoff != 0 && linger->l_linger == 0;
    }
    return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)fd)};
    SIM_CHECK(file_of(fd, SIM_LISTENER) != NULL && *len >= sizeof in);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(addr, &in, sizeof in);
    *len = sizeof in;
    return 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    if (strcmp(path, "/dev/null") != 0)
        return __real_open(path, flags & ~O_CREAT);
    return sim_fails(SIM_OPEN, sim.current) ? fail_with(EMFILE) : new_fd(SIM_SPARE);
}

/* ---- Waiting. ---- */

int sim_ready(int fd)
{
    SIM_CHECK(fd >= SIM_FD && fd < sim.next_fd);
    const struct sim_file *file = &sim.files[fd - SIM_FD];
    if (file->kind == SIM_LISTENER)
        return file->queued > 0 ? EV_READ : 0;
    if (file->kind == SIM_EPOLL_FD) {
        struct epoll_event event;
        return __wrap_epoll_wait(fd, &event, 1, 0) > 0 ? EV_READ : 0;
    }
    const struct sim_socket *s = socket_of(fd);
    bool input = s->client_reset || s->client_shut || s->taken < s->sent;
    bool room = s->client_reset || s->out_len - s->out_read < s->window;
    return (input ? EV_READ : 0) | (room ? EV_WRITE : 0);
}

int __wrap_epoll_create1(int flags)
{
    SIM_CHECK(flags == EPOLL_CLOEXEC);
    return sim_fails(SIM_EPOLL, SIM_EVERYONE) ? fail_with(EMFILE) : new_fd(SIM_EPOLL_FD);
}

int __wrap_eventfd(unsigned count, int flags)
{
    SIM_CHECK(count == 0 && flags == (EFD_CLOEXEC | EFD_NONBLOCK));
    return sim_fails(SIM_EPOLL, SIM_EVERYONE) ? fail_with(EMFILE) : new_fd(SIM_EVENT_FD);
}

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    if (fd >= SIM_FD && fd < sim.next_fd && sim.files[fd - SIM_FD].kind == SIM_EVENT_FD)
        return sim_fails(SIM_GONE, fd) ? fail_with(ENOSPC) : 0;
    struct sim_file *file = file_of(fd, SIM_STREAM);
    SIM_CHECK(file_of(epoll, SIM_EPOLL_FD) != NULL && event->events == 0);
    if (op == EPOLL_CTL_ADD && sim_fails(SIM_GONE, fd))
        return fail_with(ENOMEM);
    if (file->watched == (op == EPOLL_CTL_ADD))
        return fail_with(op == EPOLL_CTL_ADD ? EEXIST : ENOENT);
    file->watched = op == EPOLL_CTL_ADD;
    gone_data[fd - SIM_FD] = event->data.ptr;
    return 0;
}

/* Of nothing asked for, the kernel tells of a reset, and of both directions being shut. */
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    int count = 0;
    SIM_CHECK(file_of(epoll, SIM_EPOLL_FD) != NULL && timeout == 0);
    for (int fd = SIM_FD; fd < sim.next_fd && count < max; fd++) {
        const struct sim_file *file = &sim.files[fd - SIM_FD];
        if (file->kind != SIM_STREAM || !file->watched)
            continue;
        const struct sim_socket *s = &sim.sockets[file->peer];
        if (s->client_reset || (s->client_shut && s->server_shut))
            events[count++] =
                (struct epoll_event){.events = EPOLLHUP, .data.ptr = gone_data[fd - SIM_FD]};
    }
    return count;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    uint64_t now = wall ? SIM_WALL_NS + sim.now_ns + (uint64_t)sim.wall_jump_ns : sim.now_ns;
    *ret_now = (struct timespec){.tv_sec = (time_t)(now / SIM_SECOND),
                                 .tv_nsec = (long)(now % SIM_SECOND)};
    return 0;
}
