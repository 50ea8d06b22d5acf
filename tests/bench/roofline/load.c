#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM      (64 * 1024)
#define STALL_MS  5000 /* a server that says nothing for so long is taken for dead */
#define READY_MAX 64

struct peer {
    int fd;
    size_t offset; /* of the next byte in its answer */
};

struct load {
    const struct load_spec *spec;
    int epoll;
    char *in;      /* ROOM */
    char *expect;  /* the answer over and over: ROOM + one, so that any read can be compared */
    char *batch;   /* `depth` requests */
    uint64_t done; /* whole answers */
    uint64_t reads;
    struct peer peers[LOAD_CONNECTIONS_MAX];
};

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int fail(struct evd_error *ret_error, const char *what)
{
    return evd_error_set(ret_error, EVD_ERR_SYSTEM, "%s: %s", what, strerror(errno));
}

static int connect_peer(const struct load_spec *spec, int *ret_fd)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)spec->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return EVD_ERR_SYSTEM;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if ((spec->congestion != NULL && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, spec->congestion,
                                                (socklen_t)strlen(spec->congestion)) < 0) ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int why = errno;
        (void)close(fd);
        errno = why;
        return EVD_ERR_SYSTEM;
    }
    *ret_fd = fd;
    return EVD_OK;
}

/* The sockets' buffers hold what is in flight (LOAD_DEPTH_MAX messages), so this never waits long.
 */
static int send_requests(struct load *load, struct peer *peer, size_t count)
{
    const char *from = load->batch;
    size_t left = count * load->spec->request.len;
    while (left > 0) {
        ssize_t sent = send(peer->fd, from, left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return EVD_ERR_SYSTEM;
        from += sent;
        left -= (size_t)sent;
    }
    return EVD_OK;
}

static int open_peers(struct load *load, struct evd_error *ret_error)
{
    for (unsigned i = 0; i < load->spec->connections; i++) {
        struct peer *peer = &load->peers[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        if (connect_peer(load->spec, &peer->fd) < 0)
            return fail(ret_error, "connect");
        if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, peer->fd, &event) < 0)
            return fail(ret_error, "epoll_ctl");
    }
    for (unsigned i = 0; i < load->spec->connections; i++) {
        if (send_requests(load, &load->peers[i], load->spec->depth) < 0)
            return fail(ret_error, "send");
    }
    return EVD_OK;
}

static int serve_peer(struct load *load, struct peer *peer, struct evd_error *ret_error)
{
    const size_t size = load->spec->reply.len;
    ssize_t got = recv(peer->fd, load->in, ROOM, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return EVD_OK;
    if (got < 0)
        return fail(ret_error, "recv");
    if (got == 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "the server closed a connection");
    if (memcmp(load->in, load->expect + peer->offset, (size_t)got) != 0)
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "an answer is not the one expected");
    size_t bytes = peer->offset + (size_t)got;
    size_t whole = bytes / size;
    peer->offset = bytes % size;
    load->done += whole;
    load->reads++;
    if (whole > 0 && send_requests(load, peer, whole) < 0)
        return fail(ret_error, "send");
    return EVD_OK;
}

static int run_for(struct load *load, uint64_t duration_ns, struct evd_error *ret_error)
{
    struct epoll_event ready[READY_MAX];
    uint64_t end = clock_ns(CLOCK_MONOTONIC) + duration_ns;
    while (clock_ns(CLOCK_MONOTONIC) < end) {
        int count = epoll_wait(load->epoll, ready, READY_MAX, STALL_MS);
        if (count < 0 && errno != EINTR)
            return fail(ret_error, "epoll_wait");
        if (count == 0)
            return evd_error_set(ret_error, EVD_ERR_SYSTEM, "the server did not answer for %d ms",
                                 STALL_MS);
        for (int i = 0; i < count; i++) {
            int rc = serve_peer(load, ready[i].data.ptr, ret_error);
            if (rc < 0)
                return rc;
        }
    }
    return EVD_OK;
}

static int measure(struct load *load, struct load_result *ret_result, struct evd_error *ret_error)
{
    clockid_t server;
    if (clock_getcpuclockid(load->spec->server, &server) != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "no CPU clock of the server's process");
    int rc = open_peers(load, ret_error);
    if (rc == EVD_OK)
        rc = run_for(load, load->spec->warmup_ns, ret_error);
    if (rc < 0)
        return rc;
    uint64_t done = load->done, reads = load->reads, server_ns = clock_ns(server);
    uint64_t client_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID), wall_ns = clock_ns(CLOCK_MONOTONIC);
    rc = run_for(load, load->spec->duration_ns, ret_error);
    *ret_result = (struct load_result){
        .replies = load->done - done,
        .reads = load->reads - reads,
        .wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns,
        .server_ns = clock_ns(server) - server_ns,
        .client_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - client_ns,
    };
    return rc;
}

static void repeat(char *out, size_t size, struct evd_slice text)
{
    for (size_t i = 0; i < size; i++)
        out[i] = text.ptr[i % text.len];
}

int load_run(const struct load_spec *spec, struct load_result *ret_result,
             struct evd_error *ret_error)
{
    struct load *load = calloc(1, sizeof *load);
    size_t expect = ROOM + LOAD_MESSAGE_MAX, batch = spec->depth * spec->request.len;
    int rc = EVD_ERR_NO_MEMORY;
    if (load == NULL)
        return evd_error_set(ret_error, rc, "out of memory");
    load->spec = spec;
    load->in = malloc(ROOM);
    load->expect = malloc(expect);
    load->batch = malloc(batch);
    for (unsigned i = 0; i < LOAD_CONNECTIONS_MAX; i++)
        load->peers[i].fd = -1;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->in == NULL || load->expect == NULL || load->batch == NULL) {
        (void)evd_error_set(ret_error, rc, "out of memory");
    } else if (load->epoll < 0) {
        rc = fail(ret_error, "epoll_create1");
    } else {
        repeat(load->expect, expect, spec->reply);
        repeat(load->batch, batch, spec->request);
        rc = measure(load, ret_result, ret_error);
    }
    for (unsigned i = 0; i < spec->connections; i++) {
        if (load->peers[i].fd >= 0)
            (void)close(load->peers[i].fd);
    }
    if (load->epoll >= 0)
        (void)close(load->epoll);
    free(load->in);
    free(load->expect);
    free(load->batch);
    free(load);
    return rc;
}
