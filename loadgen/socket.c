#include "socket.h"
#include "now.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define OTHER_DESCRIPTORS 64 /* beside connections: timers, epoll, files */

static int congestion_error(const char *name, int error, struct evd_error *ret_error)
{
    static const char path[] = "/proc/sys/net/ipv4/tcp_available_congestion_control";
    char available[128] = "";
    FILE *file = fopen(path, "re");

    if (file != NULL) {
        if (fgets(available, sizeof(available), file) != NULL)
            available[strcspn(available, "\n")] = '\0';
        fclose(file);
    }
    return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                         "cannot set the congestion control '%s': %s; available: %s", name,
                         strerror(error), available);
}

static int set_tcp_options(const struct lg_run_options *options, int fd,
                           struct evd_error *ret_error)
{
    const int one = 1;

    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot set TCP_NODELAY: %s",
                             strerror(errno));
    /* Before connect(): a later change would leave the handshake's state behind. */
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, options->congestion,
                   (socklen_t)strlen(options->congestion)) != 0)
        return congestion_error(options->congestion, errno, ret_error);
    return EVD_OK;
}

/* The port is chosen by connect(), which knows the other end: two connections of one address may
 * then have the same port to different ends. */
static int bind_source(const struct lg_run_options *options, unsigned index, int fd,
                       struct evd_error *ret_error)
{
    const struct lg_profile *profile = &options->profile;
    const struct evd_address *source;
    const int one = 1;
    char text[INET6_ADDRSTRLEN + 16];

    if (profile->source_count == 0)
        return EVD_OK;
    source = &profile->sources[index % profile->source_count];
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)&source->addr, source->len) == 0)
        return EVD_OK;
    return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--source: cannot use %s: %s",
                         evd_format_address(source, text, sizeof(text)), strerror(errno));
}

static int connect_error(const struct lg_run_options *options, struct evd_error *ret_error)
{
    if (errno == EADDRNOTAVAIL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "cannot connect to %s: no source port is left (EADDRNOTAVAIL); give "
                             "addresses of this host to connect from, such as --source "
                             "127.0.0.2,127.0.0.3",
                             options->target);
    return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot connect to %s: %s", options->target,
                         strerror(errno));
}

static int start(const struct lg_run_options *options, unsigned index, int fd,
                 struct evd_error *ret_error)
{
    int rc = lg_target_is_tcp(options) ? set_tcp_options(options, fd, ret_error) : EVD_OK;

    if (rc == EVD_OK)
        rc = bind_source(options, index, fd, ret_error);
    if (rc < 0)
        return rc;
    do
        rc = connect(fd, (const struct sockaddr *)&options->address.addr, options->address.len);
    while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return EVD_OK;
    if (errno == EINPROGRESS || errno == EAGAIN)
        return EVD_MORE;
    return connect_error(options, ret_error);
}

int lg_socket_connect(const struct lg_run_options *options, unsigned index, int *ret_fd,
                      struct evd_error *ret_error)
{
    int fd = socket(options->address.addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc;

    *ret_fd = -1;
    if (fd < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot make a socket: %s",
                             strerror(errno));
    rc = start(options, index, fd, ret_error);
    if (rc < 0 || (rc == EVD_MORE && errno == EAGAIN)) {
        int why = errno;

        close(fd);
        errno = why;
    } else
        *ret_fd = fd;
    return rc;
}

int lg_socket_finish(int fd, struct evd_error *ret_error)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error == 0)
        return EVD_OK;
    return evd_error_set(ret_error, EVD_ERR_SYSTEM, "%s", strerror(error));
}

/* One try. EVD_MORE: the backlog is full. */
static int connect_once(const struct lg_run_options *options, unsigned index, uint64_t deadline_ns,
                        int *ret_fd, struct evd_error *ret_error)
{
    struct pollfd pollfd = {.events = POLLOUT};
    struct evd_error why;
    uint64_t now = lg_now();
    int rc = lg_socket_connect(options, index, ret_fd, ret_error);

    if (rc != EVD_MORE || *ret_fd < 0)
        return rc;
    pollfd.fd = *ret_fd;
    if (now < deadline_ns && poll(&pollfd, 1, (int)((deadline_ns - now) / 1000000) + 1) == 1)
        rc = lg_socket_finish(*ret_fd, &why);
    else
        rc = evd_error_set(&why, EVD_ERR_SYSTEM, "no answer in time");
    if (rc < 0) {
        close(*ret_fd);
        *ret_fd = -1;
        return evd_error_set(ret_error, rc, "cannot connect to %s: %s", options->target, why.text);
    }
    return EVD_OK;
}

int lg_socket_connect_wait(const struct lg_run_options *options, unsigned index,
                           uint64_t timeout_ns, int *ret_fd, struct evd_error *ret_error)
{
    uint64_t deadline_ns = lg_now() + timeout_ns;

    for (;;) {
        int rc = connect_once(options, index, deadline_ns, ret_fd, ret_error);

        if (rc != EVD_MORE)
            return rc;
        if (lg_now() >= deadline_ns)
            return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                                 "cannot connect to %s: its backlog stays full", options->target);
        poll(NULL, 0, 1); /* the server has to accept: nothing to wait on tells us when */
    }
}

void lg_socket_congestion(int fd, char ret_name[LG_CONGESTION_MAX])
{
    char name[LG_CONGESTION_MAX + 1] = "";
    socklen_t len = LG_CONGESTION_MAX;

    if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) != 0)
        strcpy(name, "none");
    memcpy(ret_name, name, LG_CONGESTION_MAX);
    ret_name[LG_CONGESTION_MAX - 1] = '\0';
}

/* ---- Bytes and their time stamps ---- */

int lg_socket_stamping(int fd, struct evd_error *ret_error)
{
    /* OPT_TSONLY: no copy of what was sent. */
    const unsigned flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
                           SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;

    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)) != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot set SO_TIMESTAMPING: %s",
                             strerror(errno));
    return EVD_OK;
}

ssize_t lg_socket_send(int fd, struct evd_slice bytes, bool stamp)
{
    const uint32_t flags = SOF_TIMESTAMPING_TX_SOFTWARE;
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(flags))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(flags)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SO_TIMESTAMPING}};
    struct iovec part = {(void *)(uintptr_t)bytes.ptr, bytes.len};
    const struct msghdr message = {.msg_iov = &part,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = sizeof(control)};

    if (!stamp)
        return send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    memcpy(CMSG_DATA(&control.header), &flags, sizeof(flags));
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Room for a stamp, and for the error that comes with one of a send. */
union stamp_control {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(struct scm_timestamping)) +
              CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))];
};

/* The software stamp among what came with a message, 0 for none; and the byte it is of. */
static uint64_t find_stamp(struct msghdr *message, uint32_t *ret_key)
{
    struct scm_timestamping stamps = {0};
    struct sock_extended_err error;

    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_TIMESTAMPING) {
            memcpy(&stamps, CMSG_DATA(at), sizeof(stamps));
        } else if ((at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
                   (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR)) {
            memcpy(&error, CMSG_DATA(at), sizeof(error));
            *ret_key = error.ee_data;
        }
    }
    return (uint64_t)stamps.ts[0].tv_sec * LG_SECOND + (uint64_t)stamps.ts[0].tv_nsec;
}

ssize_t lg_socket_recv(int fd, char *room, size_t len, uint64_t *ret_stamp_ns)
{
    union stamp_control control;
    struct iovec part = {room, len};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    uint32_t key;
    ssize_t n;

    if (ret_stamp_ns == NULL)
        return recv(fd, room, len, MSG_DONTWAIT);
    n = recvmsg(fd, &message, MSG_DONTWAIT);
    *ret_stamp_ns = n > 0 ? find_stamp(&message, &key) : 0;
    return n;
}

bool lg_socket_sent_stamp(int fd, uint32_t *ret_key, uint64_t *ret_stamp_ns)
{
    union stamp_control control;
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof(control)};

    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return false;
    *ret_key = 0;
    *ret_stamp_ns = find_stamp(&message, ret_key);
    return true;
}

int lg_socket_raise_limit(unsigned count, struct evd_error *ret_error)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)count + OTHER_DESCRIPTORS;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return EVD_OK;
    if (limit.rlim_max < need)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "%u connections need %llu file descriptors; the limit is %llu "
                             "(ulimit -Hn)",
                             count, (unsigned long long)need, (unsigned long long)limit.rlim_max);
    limit.rlim_cur = need;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot raise RLIMIT_NOFILE: %s",
                             strerror(errno));
    return EVD_OK;
}
