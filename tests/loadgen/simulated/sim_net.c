/* Sockets, the network and the server behind it, and timerfds. Both directions take sim.latency_ns;
 * the kernel stamps a send as it is made, and what comes in as it comes, whoever sleeps. */
#include "sim.h"

#include <errno.h>
#include <ev.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FD          1000000 /* that of the first; no real one is so large */
#define SOCKETS_MAX 1024
#define BYTES_MAX   (1 << 20)
#define STAMPS_MAX  4

int __wrap_socket(int family, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when,
                           struct itimerspec *ret_old);

struct end {
    enum { FREE, FRESH, CONNECTED, REFUSED, TIMER } kind;
    unsigned generation;         /* of those that had this place */
    struct evd_buf up, down;     /* bytes that were sent and not read yet, by either end */
    size_t up_came, down_came;   /* of them, those that have come */
    bool stamping, ended, reset; /* the latter as the generator's end has learnt them */
    bool server_gone;            /* the server's end was closed */
    uint64_t stamp_ns;           /* of what came last, CLOCK_REALTIME */
    uint32_t sent;               /* bytes, modulo 2^32 */
    struct {
        uint32_t key;
        uint64_t at_ns;
    } stamps[STAMPS_MAX]; /* of sends, not fetched yet */
    unsigned stamp_count;
    struct evd_decoder decoder; /* the server's */
    uint64_t expires_ns;        /* of a timerfd */
};

static struct end ends[SOCKETS_MAX];
static uint64_t changes;

static int fail_with(int error)
{
    errno = error;
    return -1;
}

static unsigned index_of(const struct end *end)
{
    return (unsigned)(end - ends);
}

static struct end *end_of(int fd)
{
    SIM_CHECK(fd >= FD && fd < FD + SOCKETS_MAX);
    SIM_CHECK(ends[fd - FD].kind != FREE);
    return &ends[fd - FD];
}

static struct end *connected(int fd)
{
    struct end *end = end_of(fd);

    SIM_CHECK(end->kind == CONNECTED);
    return end;
}

/* ---- What is under way: which end, of which generation, and how many bytes ---- */

static uint64_t pack(const struct end *end, size_t bytes)
{
    return (uint64_t)bytes << 40 | (uint64_t)(end->generation & 0xFFFFFF) << 16 | index_of(end);
}

/* NULL: it was closed meanwhile. */
static struct end *unpack(uint64_t packed, size_t *ret_bytes)
{
    struct end *end = &ends[packed & 0xFFFF];

    *ret_bytes = (size_t)(packed >> 40);
    return end->kind == CONNECTED && (end->generation & 0xFFFFFF) == (packed >> 16 & 0xFFFFFF)
               ? end
               : NULL;
}

static void later(void (*call)(void *context, uint64_t packed), const struct end *end, size_t bytes)
{
    sim_at(sim.now_ns + sim.latency_ns, call, NULL, pack(end, bytes));
}

/* ---- The server ---- */

static uint64_t number_in(struct evd_slice text)
{
    uint64_t number = 0;

    for (size_t i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    return number;
}

static void take_calls(struct end *end)
{
    struct evd_envelope call;
    size_t used;

    while (end->up_came > 0) {
        struct evd_slice in = evd_slice(evd_buf_slice(&end->up).ptr, end->up_came);
        int rc = evd_decode(&end->decoder, in, false, &used, &call);

        SIM_CHECK(rc >= 0); /* the generator sends nothing else */
        if (rc == EVD_OK) {
            const struct sim_call taken = {.at_ns = sim.now_ns,
                                           .number = ++sim.calls,
                                           .data = number_in(call.data),
                                           .id = call.id.number,
                                           .conn = index_of(end),
                                           .generation = end->generation};
            if (sim.serve != NULL)
                sim.serve(&taken);
            else
                sim_act(&taken, SIM_ANSWER);
        }
        evd_buf_drop(&end->up, used);
        end->up_came -= used;
        if (rc == EVD_MORE)
            return;
    }
}

static void calls_come(void *context, uint64_t packed)
{
    size_t bytes;
    struct end *end = unpack(packed, &bytes);

    (void)context;
    if (end == NULL || end->server_gone)
        return;
    end->up_came += bytes;
    take_calls(end);
}

static void answers_come(void *context, uint64_t packed)
{
    size_t bytes;
    struct end *end = unpack(packed, &bytes);

    (void)context;
    if (end == NULL)
        return;
    changes++;
    end->down_came += bytes;
    end->stamp_ns = SIM_WALL_NS + sim.now_ns;
}

static void end_comes(void *context, uint64_t packed)
{
    size_t reset;
    struct end *end = unpack(packed, &reset);

    (void)context;
    if (end == NULL)
        return;
    changes++;
    end->ended = true;
    end->reset = reset != 0;
}

/* The first `part` of an answer's bytes; 0: all. */
static void write_answer(struct end *end, uint64_t id, struct evd_slice data, size_t part)
{
    size_t before = end->down.len, bytes;
    struct evd_envelope reply;

    evd_envelope_init(&reply, EVD_KIND_REPLY);
    reply.id.kind = EVD_ID_UINT;
    reply.id.number = id;
    SIM_CHECK(evd_envelope_encode(&reply, end->decoder.state.transport, NULL, data, &end->down) ==
              EVD_OK);
    bytes = end->down.len - before;
    if (part != 0 && part < bytes)
        evd_buf_truncate(&end->down, before + part);
    later(answers_come, end, end->down.len - before);
}

static void write_nonsense(struct end *end)
{
    static const char text[] = "no frame";

    SIM_CHECK(evd_buf_append(&end->down, text, sizeof(text)) == EVD_OK);
    later(answers_come, end, sizeof(text));
}

static void hang_up(struct end *end, bool reset)
{
    end->server_gone = true;
    later(end_comes, end, reset);
}

void sim_act(const struct sim_call *call, enum sim_action action)
{
    struct end *end = &ends[call->conn];
    struct evd_slice right = EVD_SLICE("\"online\"");

    if (end->kind != CONNECTED || end->generation != call->generation || end->server_gone)
        return;
    if (action == SIM_ANSWER || action == SIM_TWICE)
        write_answer(end, call->id, right, 0);
    if (action == SIM_TWICE)
        write_answer(end, call->id, right, 0);
    if (action == SIM_WRONG)
        write_answer(end, call->id, EVD_SLICE("\"offline\""), 0);
    if (action == SIM_HALF)
        write_answer(end, call->id, right, 8);
    if (action == SIM_UNREADABLE)
        write_nonsense(end);
    if (action == SIM_HALF || action == SIM_END || action == SIM_RESET)
        hang_up(end, action == SIM_RESET);
}

struct act {
    struct sim_call call;
    enum sim_action action;
};

static void act_now(void *context, uint64_t number)
{
    struct act *act = context;

    (void)number;
    sim_act(&act->call, act->action);
    free(act);
}

void sim_act_at(const struct sim_call *call, enum sim_action action, uint64_t at_ns)
{
    struct act *act = malloc(sizeof(*act));

    SIM_CHECK(act != NULL);
    *act = (struct act){*call, action};
    sim_at(at_ns, act_now, act, 0);
}

/* ---- Sockets ---- */

static int open_end(int kind)
{
    unsigned i = 0;

    while (i < SOCKETS_MAX && ends[i].kind != FREE)
        i++;
    SIM_CHECK(i < SOCKETS_MAX);
    ends[i] = (struct end){.generation = ends[i].generation + 1, .expires_ns = SIM_NEVER};
    ends[i].kind = (unsigned)kind;
    evd_buf_init(&ends[i].up, BYTES_MAX);
    evd_buf_init(&ends[i].down, BYTES_MAX);
    return FD + (int)i;
}

int __wrap_socket(int family, int type, int protocol)
{
    SIM_CHECK(family == AF_INET && protocol == 0);
    SIM_CHECK(type == (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC));
    return open_end(FRESH);
}

int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    const struct evd_wire_limits limits = {.max_frame = BYTES_MAX, .max_depth = 16};
    struct end *end = end_of(fd);

    SIM_CHECK(end->kind == FRESH && addr->sa_family == AF_INET && len > 0);
    end->kind = CONNECTED;
    if (sim.now_ns >= sim.refuse_from_ns && sim.now_ns < sim.refuse_to_ns)
        end->kind = REFUSED;
    evd_decoder_init(&end->decoder, &evd_transport_frame, EVD_ROLE_SERVER, &limits);
    return fail_with(EINPROGRESS);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    struct end *end = end_of(fd);

    SIM_CHECK(value != NULL && len > 0);
    if (level == SOL_SOCKET && name == SO_TIMESTAMPING)
        end->stamping = true;
    return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    int error = end_of(fd)->kind == REFUSED ? ECONNREFUSED : 0;

    if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
        SIM_CHECK(*len >= sizeof("reno"));
        memcpy(value, "reno", sizeof("reno"));
        return 0;
    }
    SIM_CHECK(level == SOL_SOCKET && name == SO_ERROR && *len == sizeof(error));
    memcpy(value, &error, sizeof(error));
    return 0;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    struct end *end = connected(fd);

    SIM_CHECK((flags & MSG_NOSIGNAL) != 0 && (flags & MSG_DONTWAIT) != 0 && len > 0);
    if (end->reset)
        return fail_with(ECONNRESET);
    SIM_CHECK(len < UINT64_C(1) << 24 && evd_buf_append(&end->up, bytes, len) == EVD_OK);
    end->sent += (uint32_t)len;
    later(calls_come, end, len);
    return (ssize_t)len;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct end *end = connected(fd);
    ssize_t n;

    SIM_CHECK(message->msg_iovlen == 1 && message->msg_controllen > 0 && end->stamping);
    n = __wrap_send(fd, message->msg_iov->iov_base, message->msg_iov->iov_len, flags);
    if (n <= 0)
        return n;
    SIM_CHECK(end->stamp_count < STAMPS_MAX);
    end->stamps[end->stamp_count].key = end->sent - 1;
    end->stamps[end->stamp_count++].at_ns = SIM_WALL_NS + sim.now_ns;
    return n;
}

static void put_control(struct msghdr *message, int level, int type, const void *data, size_t len)
{
    struct cmsghdr *header =
        (struct cmsghdr *)((char *)message->msg_control + message->msg_controllen);

    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(header), data, len);
    message->msg_controllen += CMSG_SPACE(len);
}

static void put_stamp(struct msghdr *message, uint64_t at_ns)
{
    const struct scm_timestamping stamps = {
        .ts = {{(time_t)(at_ns / SIM_SECOND), (long)(at_ns % SIM_SECOND)}}};

    message->msg_controllen = 0;
    put_control(message, SOL_SOCKET, SCM_TIMESTAMPING, &stamps, sizeof(stamps));
}

static ssize_t fetch_stamp(struct end *end, struct msghdr *message)
{
    struct sock_extended_err error = {.ee_errno = ENOMSG, .ee_origin = SO_EE_ORIGIN_TIMESTAMPING};

    if (end->stamp_count == 0)
        return fail_with(EAGAIN);
    error.ee_data = end->stamps[0].key;
    put_stamp(message, end->stamps[0].at_ns);
    put_control(message, IPPROTO_IP, IP_RECVERR, &error, sizeof(error));
    end->stamp_count--;
    memmove(end->stamps, end->stamps + 1, end->stamp_count * sizeof(end->stamps[0]));
    return 0;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    struct end *end = connected(fd);
    size_t n = end->down_came;

    SIM_CHECK((flags & MSG_DONTWAIT) != 0 && len > 0);
    SIM_CHECK(n <= len); /* else what is read would have an earlier stamp */
    if (n == 0 && end->reset)
        return fail_with(ECONNRESET);
    if (n == 0)
        return end->ended ? 0 : fail_with(EAGAIN);
    memcpy(bytes, evd_buf_slice(&end->down).ptr, n);
    evd_buf_drop(&end->down, n);
    end->down_came = 0;
    return (ssize_t)n;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct end *end = connected(fd);
    ssize_t n;

    SIM_CHECK(end->stamping);
    if ((flags & MSG_ERRQUEUE) != 0)
        return fetch_stamp(end, message);
    SIM_CHECK(message->msg_iovlen == 1);
    n = __wrap_recv(fd, message->msg_iov->iov_base, message->msg_iov->iov_len, flags);
    if (n > 0)
        put_stamp(message, end->stamp_ns);
    return n;
}

int __wrap_close(int fd)
{
    struct end *end;

    if (fd < FD)
        return __real_close(fd);
    end = end_of(fd);
    evd_buf_release(&end->up);
    evd_buf_release(&end->down);
    end->kind = FREE;
    return 0;
}

/* ---- Waiting ---- */

uint64_t sim_net_changes(void)
{
    return changes;
}

bool sim_is_timer(int fd)
{
    return end_of(fd)->kind == TIMER;
}

uint64_t sim_ready_at(int fd)
{
    const struct end *end = end_of(fd);

    return end->expires_ns == SIM_NEVER ? SIM_NEVER : end->expires_ns + sim.timer_late_ns;
}

int sim_ready(int fd)
{
    const struct end *end = end_of(fd);

    if (end->kind == TIMER)
        return sim.now_ns >= sim_ready_at(fd) ? EV_READ : 0;
    return (end->down_came > 0 || end->ended ? EV_READ : 0) | EV_WRITE;
}

static bool is_writable(void *context)
{
    const struct pollfd *one = context;

    return (sim_ready(one->fd) & EV_WRITE) != 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    uint64_t end = sim.now_ns + (uint64_t)timeout_ms * SIM_MS;

    SIM_CHECK(count <= 1 && timeout_ms >= 0);
    sim_wait(end, count == 1 ? is_writable : NULL, fds);
    return count == 1 && is_writable(fds);
}

int __wrap_timerfd_create(int clock, int flags)
{
    SIM_CHECK(clock == CLOCK_MONOTONIC && flags == (TFD_NONBLOCK | TFD_CLOEXEC));
    return open_end(TIMER);
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when,
                           struct itimerspec *ret_old)
{
    struct end *end = end_of(fd);

    SIM_CHECK(end->kind == TIMER && flags == TFD_TIMER_ABSTIME && ret_old == NULL);
    if (sim.now_ns >= sim.timer_fails_ns)
        return fail_with(EINVAL);
    end->expires_ns =
        (uint64_t)when->it_value.tv_sec * SIM_SECOND + (uint64_t)when->it_value.tv_nsec;
    return 0;
}

void sim_begin_net(void)
{
    memset(ends, 0, sizeof(ends));
}

void sim_end_net(void)
{
    for (unsigned i = 0; i < SOCKETS_MAX; i++)
        SIM_CHECK(ends[i].kind == FREE);
}
