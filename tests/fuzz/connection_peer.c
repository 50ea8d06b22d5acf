#include "connection_peer.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct peer peers[PEER_COUNT];
uint64_t peer_clock_ns;

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
int __wrap_shutdown(int fd, int how);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
uint64_t __wrap_evd_now_coarse(void);
void __wrap_ev_signal_start(struct ev_loop *loop, ev_signal *signal);

void peers_reset(void)
{
    for (size_t i = 0; i < PEER_COUNT; i++) {
        char *out = peers[i].out != NULL ? peers[i].out : malloc(PEER_OUT_MAX);
        FUZZ_CHECK(out != NULL);
        peers[i] = (struct peer){.out = out, .window = SIZE_MAX};
    }
}

static bool is_peer(int fd)
{
    return fd >= PEER_FD && fd < PEER_FD + PEER_COUNT;
}

/* Whose descriptor it is; one that was closed is never used again. */
static struct peer *peer_of(int fd)
{
    FUZZ_CHECK(is_peer(fd));
    FUZZ_CHECK(peers[fd - PEER_FD].conn != NULL);
    return &peers[fd - PEER_FD];
}

static bool fails(struct peer *peer, int when_reset)
{
    if (peer->interrupts > 0) {
        peer->interrupts--;
        errno = EINTR;
        return true;
    }
    errno = when_reset;
    return peer->reset;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct peer *peer = peer_of(fd);
    FUZZ_CHECK((flags & MSG_DONTWAIT) != 0);
    if (fails(peer, ECONNRESET))
        return -1;
    size_t there = peer->given - peer->taken, now = 0;
    if (there == 0 && !peer->eof) {
        errno = EAGAIN;
        return -1;
    }
    for (size_t i = 0; i < message->msg_iovlen && there > 0; i++) {
        const struct iovec *part = &message->msg_iov[i];
        size_t len = there < part->iov_len ? there : part->iov_len;
        if (len > 0)
            memcpy(part->iov_base, peer->in.ptr + peer->taken, len);
        peer->taken += len;
        there -= len;
        now += len;
    }
    return (ssize_t)now;
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
    FUZZ_CHECK(len > 0);
    struct iovec part = {buf, len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return __wrap_recvmsg(fd, &message, flags);
}

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
    struct peer *peer = peer_of(fd);
    FUZZ_CHECK((flags & MSG_NOSIGNAL) != 0 && (flags & MSG_DONTWAIT) != 0 && len > 0);
    FUZZ_CHECK(!peer->shut);
    if (fails(peer, EPIPE))
        return -1;
    size_t now = peer->window < len ? peer->window : len;
    if (now == 0) {
        errno = EAGAIN;
        return -1;
    }
    FUZZ_CHECK(peer->out_len + now <= PEER_OUT_MAX);
    memcpy(peer->out + peer->out_len, buf, now);
    peer->out_len += now;
    if (peer->window != SIZE_MAX)
        peer->window -= now;
    return (ssize_t)now;
}

int __wrap_shutdown(int fd, int how)
{
    struct peer *peer = peer_of(fd);
    FUZZ_CHECK(how == SHUT_WR && !peer->shut);
    peer->shut = true;
    return 0;
}

int __wrap_close(int fd)
{
    if (!is_peer(fd))
        return __real_close(fd);
    peer_of(fd)->conn = NULL;
    return 0;
}

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    if (!is_peer(fd))
        return __real_epoll_ctl(epoll, op, fd, event);
    struct peer *peer = peer_of(fd);
    FUZZ_CHECK(peer->watched == (op == EPOLL_CTL_DEL)); /* the kernel would refuse it */
    peer->watched = op == EPOLL_CTL_ADD;
    return 0;
}

uint64_t __wrap_evd_now_coarse(void)
{
    return peer_clock_ns;
}

/* The fuzzer has its own. */
void __wrap_ev_signal_start(struct ev_loop *loop, ev_signal *signal)
{
    (void)loop;
    (void)signal;
}
