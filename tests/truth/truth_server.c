/* truth-server: a server whose behaviour is known beforehand, so that what a load generator says of
 * it can be held against what it did. It speaks binary frames (docs/PROTOCOL.md) and answers each
 * call with "online". What it does before that is the mode:
 *
 *   delay                 the call says: its data is a number of nanoseconds, from its arrival
 *   stall AT_NS FOR_NS    at once; but for FOR_NS from AT_NS behind the first call it does nothing
 *   det MEAN_NS           one at a time, in the order of their arrival, each for MEAN_NS
 *   exp MEAN_NS SEED      the same, each for a time drawn from the exponential distribution
 *   sink FILE             at once; FILE gets the arrival of each call, a line each, in nanoseconds
 * of CLOCK_MONOTONIC
 *
 * usage: truth-server [--block] MODE ARGUMENT...
 * Prints "listening on tcp://127.0.0.1:PORT"; ends on SIGTERM, and then prints "taken NS of NS":
 * how long something else had its CPU, by gaps of LOST_NS or more between two looks at the clock,
 * of the time from the first call on. That is the witness of who was disturbed.
 *
 * It never sleeps: arrivals are seen and answers leave within microseconds, on a CPU of its own.
 * With
 * --block it sleeps while nothing is due, and witnesses nothing (for tests of it, which share the
 * CPUs). */
#include "server/wire/transport.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNS_MAX = 1024, DUE_MAX = 1 << 17, STAMPS_MAX = 1 << 20, EVENTS = 64, ROOM = 64 * 1024 };

/* No step between two looks at the clock takes nearly as long; a virtual machine's timer ticks do
 * not either. */
enum { LOST_NS = 200000 };

enum mode { DELAY, STALL, DET, EXP, SINK };

struct conn {
    int fd; /* -1: free */
    struct evd_decoder decoder;
    struct evd_buf in, out;
};

/* An answer that is due: a heap by time, then by arrival. */
struct due {
    uint64_t at_ns, order, id;
    size_t conn;
};

struct server {
    enum mode mode;
    bool block;
    uint64_t stall_at_ns, stall_for_ns, mean_ns, seed;
    FILE *stamps_file;

    struct conn conns[CONNS_MAX];
    struct due heap[DUE_MAX];
    size_t heap_len;
    uint64_t *stamps; /* STAMPS_MAX */
    size_t stamp_count;
    uint64_t first_ns, busy_until_ns, orders;
    bool stalled;

    uint64_t looked_ns, taken_ns; /* the last look at the clock; 0: not yet */
};

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "truth-server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t look(struct server *server)
{
    uint64_t now = now_ns();
    if (server->looked_ns != 0 && !server->block && now - server->looked_ns > LOST_NS)
        server->taken_ns += now - server->looked_ns;
    if (server->first_ns != 0)
        server->looked_ns = now;
    return now;
}

/* ---- What is due. ---- */

static bool sooner(const struct due *a, const struct due *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push(struct server *server, struct due due)
{
    size_t i = server->heap_len++;
    if (server->heap_len > DUE_MAX) {
        errno = ENOBUFS;
        fail("calls in flight");
    }
    while (i > 0 && sooner(&due, &server->heap[(i - 1) / 2])) {
        server->heap[i] = server->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    server->heap[i] = due;
}

static struct due pop(struct server *server)
{
    struct due first = server->heap[0], last = server->heap[--server->heap_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < server->heap_len && sooner(&server->heap[child + 1], &server->heap[child]))
            child++;
        if (child >= server->heap_len || !sooner(&server->heap[child], &last))
            break;
        server->heap[i] = server->heap[child];
        i = child;
    }
    server->heap[i] = last;
    return first;
}

/* splitmix64 (Steele, Lea, Flood 2014), to (0, 1]. */
static double draw(struct server *server)
{
    uint64_t z = server->seed += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)(((z ^ (z >> 31)) >> 11) + 1) / 9007199254740992.;
}

static uint64_t number_of(struct evd_slice text)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= '0' && text.ptr[i] <= '9' && number < UINT64_C(100000000000))
            number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    return number;
}

/* When the answer to a call that came at `at` is due. */
static uint64_t due_of(struct server *server, uint64_t at, struct evd_slice data)
{
    uint64_t service = server->mean_ns;
    switch (server->mode) {
    case DELAY:
        return at + number_of(data);
    case EXP:
        service = (uint64_t)(-log(draw(server)) * (double)server->mean_ns);
        /* fallthrough */
    case DET:
        server->busy_until_ns = (server->busy_until_ns > at ? server->busy_until_ns : at) + service;
        return server->busy_until_ns;
    case SINK:
        if (server->stamp_count < STAMPS_MAX)
            server->stamps[server->stamp_count++] = at;
        return at;
    case STALL:
    default:
        return at;
    }
}

/* ---- Connections. ---- */

static void drop(struct conn *conn)
{
    (void)close(conn->fd);
    conn->fd = -1;
    evd_buf_release(&conn->in);
    evd_buf_release(&conn->out);
}

static void flush(struct conn *conn)
{
    while (conn->fd >= 0 && conn->out.len > 0) {
        struct evd_slice rest = evd_buf_slice(&conn->out);
        ssize_t sent = send(conn->fd, rest.ptr, rest.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            evd_buf_drop(&conn->out, (size_t)sent);
        else if (errno != EAGAIN && errno != EINTR)
            drop(conn);
        else if (errno == EAGAIN)
            return;
    }
}

static void read_calls(struct server *server, size_t index)
{
    struct conn *conn = &server->conns[index];
    if (evd_buf_reserve(&conn->in, ROOM) < 0)
        fail("memory");
    ssize_t got = recv(conn->fd, evd_buf_tail(&conn->in), ROOM, MSG_DONTWAIT);
    uint64_t at = look(server);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            drop(conn);
        return;
    }
    evd_buf_commit(&conn->in, (size_t)got);
    if (server->first_ns == 0)
        server->first_ns = at;
    for (;;) {
        struct evd_envelope call;
        size_t used;
        int rc = evd_decode(&conn->decoder, evd_buf_slice(&conn->in), false, &used, &call);
        if (rc == EVD_OK)
            push(server, (struct due){due_of(server, at, call.data), server->orders++,
                                      call.id.number, index});
        evd_buf_drop(&conn->in, used);
        if (rc == EVD_MORE)
            return;
        if (rc < 0) {
            drop(conn);
            return;
        }
    }
}

static void answer(struct server *server, struct due due)
{
    struct conn *conn = &server->conns[due.conn];
    struct evd_envelope reply;
    if (conn->fd < 0)
        return;
    evd_envelope_init(&reply, EVD_KIND_REPLY);
    reply.id.kind = EVD_ID_UINT;
    reply.id.number = due.id;
    if (evd_envelope_encode(&reply, &evd_transport_frame, NULL, EVD_SLICE("\"online\""),
                            &conn->out) < 0)
        fail("an answer");
    flush(conn);
}

static void add(struct server *server, int listener, int epoll)
{
    const struct evd_wire_limits limits = {.max_frame = ROOM, .max_depth = 16};
    int on = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    size_t i = 0;
    while (i < CONNS_MAX && server->conns[i].fd >= 0)
        i++;
    if (fd < 0 || i == CONNS_MAX) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    struct conn *conn = &server->conns[i];
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i + 2};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn->fd = fd;
    evd_decoder_init(&conn->decoder, &evd_transport_frame, EVD_ROLE_SERVER, &limits);
    evd_buf_init(&conn->in, 4 * (size_t)ROOM);
    evd_buf_init(&conn->out, 16 * (size_t)ROOM);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
}

/* ---- The loop. ---- */

static void stall(struct server *server)
{
    if (server->mode != STALL || server->stalled || server->first_ns == 0 ||
        now_ns() < server->first_ns + server->stall_at_ns)
        return;
    uint64_t until = server->first_ns + server->stall_at_ns + server->stall_for_ns;
    struct timespec time = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        ;
    server->stalled = true;
    server->looked_ns = now_ns(); /* that one was meant */
}

static int timeout_of(const struct server *server)
{
    return server->block && server->heap_len == 0 && server->mode != STALL ? 100 : 0;
}

static void serve(struct server *server, int listener, int signals)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event first = {.events = EPOLLIN, .data.u64 = 0}, events[EVENTS];
    struct epoll_event second = {.events = EPOLLIN, .data.u64 = 1};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &first) < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &second) < 0)
        fail("epoll");
    for (;;) {
        stall(server);
        int count = epoll_wait(epoll, events, EVENTS, timeout_of(server));
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == 0) {
                (void)close(epoll);
                return;
            }
            if (events[i].data.u64 == 1)
                add(server, listener, epoll);
            else if (server->conns[events[i].data.u64 - 2].fd >= 0)
                read_calls(server, (size_t)events[i].data.u64 - 2);
        }
        uint64_t now = look(server);
        while (server->heap_len > 0 && server->heap[0].at_ns <= now) {
            answer(server, pop(server));
            now = look(server);
        }
    }
}

static int open_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) < 0 ||
        bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        fail("listening");
    (void)printf("listening on tcp://127.0.0.1:%u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void usage(void)
{
    (void)fputs("usage: truth-server [--block] delay | stall AT_NS FOR_NS | det MEAN_NS |"
                " exp MEAN_NS SEED | sink FILE\n",
                stderr);
    exit(2);
}

static void read_arguments(struct server *server, int argc, char **argv)
{
    static const struct {
        const char *name;
        int arguments;
    } modes[] = {[DELAY] = {"delay", 0},
                 [STALL] = {"stall", 2},
                 [DET] = {"det", 1},
                 [EXP] = {"exp", 2},
                 [SINK] = {"sink", 1}};
    int at = 1;
    size_t mode = 0;
    if (at < argc && strcmp(argv[at], "--block") == 0) {
        server->block = true;
        at++;
    }
    while (mode <= SINK && (at >= argc || strcmp(argv[at], modes[mode].name) != 0))
        mode++;
    if (mode > SINK || argc - at - 1 != modes[mode].arguments)
        usage();
    server->mode = (enum mode)mode;
    char **rest = argv + at + 1;
    if (mode == STALL) {
        server->stall_at_ns = strtoull(rest[0], NULL, 10);
        server->stall_for_ns = strtoull(rest[1], NULL, 10);
    } else if (mode == DET || mode == EXP) {
        server->mean_ns = strtoull(rest[0], NULL, 10);
        server->seed = mode == EXP ? strtoull(rest[1], NULL, 10) : 0;
    } else if (mode == SINK) {
        server->stamps_file = fopen(rest[0], "we");
        server->stamps = calloc(STAMPS_MAX, sizeof *server->stamps);
        if (server->stamps_file == NULL || server->stamps == NULL)
            fail(rest[0]);
    }
}

int main(int argc, char **argv)
{
    struct server *server = calloc(1, sizeof *server);
    sigset_t term;
    if (server == NULL)
        fail("memory");
    for (size_t i = 0; i < CONNS_MAX; i++)
        server->conns[i].fd = -1;
    read_arguments(server, argc, argv);
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL);
    int signals = signalfd(-1, &term, SFD_CLOEXEC), listener = open_listener();
    if (signals < 0)
        fail("signalfd");
    serve(server, listener, signals);
    if (!server->block)
        (void)printf("taken %llu of %llu\n", (unsigned long long)server->taken_ns,
                     (unsigned long long)(server->first_ns == 0 ? 0 : now_ns() - server->first_ns));
    for (size_t i = 0; i < server->stamp_count; i++)
        (void)fprintf(server->stamps_file, "%llu\n", (unsigned long long)server->stamps[i]);
    if (server->stamps_file != NULL && fclose(server->stamps_file) != 0)
        fail("the stamps");
    for (size_t i = 0; i < CONNS_MAX; i++)
        if (server->conns[i].fd >= 0)
            drop(&server->conns[i]);
    free(server->stamps);
    free(server);
    return 0;
}
