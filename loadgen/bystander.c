#include "bystander.h"

#include "now.h"
#include "socket.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TICK_NS         (50 * UINT64_C(1000000))
#define AGAIN_NS        (100 * UINT64_C(1000000)) /* until a closed one is made again */
#define CONNECT_TIMEOUT (5 * LG_SECOND)
#define EVENTS_MAX      256
#define SLOW_BUFFER     4096 /* SO_RCVBUF, so that what is not read is soon the server's */
#define WRITES_MAX      64   /* of one slow reader in a tick */
#define READ_MAX        65536

struct bystander {
    enum lg_bystander kind;
    int fd; /* -1: down */
    bool connecting;
    uint64_t again_ns; /* when down */
    size_t out;        /* bytes of the request that were sent */
    uint64_t allowed;  /* slow: bytes it may read, in ticks' shares */
};

struct lg_bystanders {
    const struct lg_run_options *options;
    struct bystander *all; /* owned */
    unsigned count;
    struct evd_buf request; /* what they send of */
    int epoll;
    pthread_t thread;
    _Atomic bool stop;
    struct lg_bystander_counts counts[LG_BYSTANDERS];
};

static void down(struct bystander *one)
{
    if (one->fd >= 0)
        close(one->fd); /* leaves the epoll set, too */
    one->fd = -1;
    one->connecting = false;
    one->again_ns = lg_now() + AGAIN_NS;
}

static void ended(struct lg_bystanders *all, struct bystander *one)
{
    all->counts[one->kind].ended++;
    down(one);
}

/* False: it is down. */
static bool send_part(struct lg_bystanders *all, struct bystander *one, size_t end)
{
    struct evd_slice bytes = evd_buf_slice(&all->request);
    ssize_t n = send(one->fd, bytes.ptr + one->out, end - one->out, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return true;
        ended(all, one);
        return false;
    }
    one->out += (size_t)n;
    all->counts[one->kind].sent_bytes += (uint64_t)n;
    return true;
}

static void watch(struct lg_bystanders *all, struct bystander *one, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = one};

    if (epoll_ctl(all->epoll, operation, one->fd, &event) != 0)
        down(one);
}

static void up(struct lg_bystanders *all, struct bystander *one, int operation)
{
    const int small = SLOW_BUFFER;
    size_t half = all->request.len / 2;

    one->connecting = false;
    one->out = 0;
    one->allowed = 0;
    all->counts[one->kind].made++;
    /* A slow reader is looked at on each tick, the others when the server says something. */
    if (one->kind == LG_BYSTANDER_SLOW)
        setsockopt(one->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    watch(all, one, operation, one->kind == LG_BYSTANDER_SLOW ? 0 : EPOLLIN);
    if (one->fd >= 0 && one->kind == LG_BYSTANDER_PARTIAL)
        send_part(all, one, half > 0 ? half : 1);
}

static void connect_again(struct lg_bystanders *all, struct bystander *one)
{
    int rc = lg_socket_connect(all->options, (unsigned)(one - all->all), &one->fd, NULL);

    if (rc == EVD_OK) {
        up(all, one, EPOLL_CTL_ADD);
    } else if (rc == EVD_MORE && one->fd >= 0) {
        one->connecting = true;
        watch(all, one, EPOLL_CTL_ADD, EPOLLOUT);
    } else {
        all->counts[one->kind].failed++;
        down(one);
    }
}

static void on_event(struct lg_bystanders *all, struct bystander *one, uint32_t events)
{
    char room[READ_MAX];
    ssize_t n;

    if (one->fd < 0)
        return;
    if (one->connecting) {
        if (lg_socket_finish(one->fd, NULL) == EVD_OK) {
            up(all, one, EPOLL_CTL_MOD);
            return;
        }
        all->counts[one->kind].failed++;
        down(one);
        return;
    }
    if (one->kind == LG_BYSTANDER_SLOW && (events & (EPOLLERR | EPOLLHUP)) == 0)
        return;
    n = recv(one->fd, room, sizeof(room), MSG_DONTWAIT);
    if (n > 0)
        all->counts[one->kind].received_bytes += (uint64_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        ended(all, one);
}

static void read_slowly(struct lg_bystanders *all, struct bystander *one)
{
    char room[READ_MAX];
    size_t want;
    ssize_t n;

    one->allowed += all->options->profile.read_rate * TICK_NS / LG_SECOND;
    want = one->allowed < sizeof(room) ? (size_t)one->allowed : sizeof(room);
    n = recv(one->fd, room, want, MSG_DONTWAIT);
    if (n > 0)
        all->counts[one->kind].received_bytes += (uint64_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        ended(all, one);
        return;
    }
    /* What it could not read for want of bytes is not saved up. */
    one->allowed = n == (ssize_t)want ? one->allowed - want : 0;
    for (int i = 0; i < WRITES_MAX; i++) {
        uint64_t before = all->counts[one->kind].sent_bytes;

        if (one->out == all->request.len)
            one->out = 0;
        if (!send_part(all, one, all->request.len) || all->counts[one->kind].sent_bytes == before)
            return;
    }
}

static void on_tick(struct lg_bystanders *all, uint64_t now)
{
    for (unsigned i = 0; i < all->count; i++) {
        struct bystander *one = &all->all[i];

        if (one->fd < 0 && now >= one->again_ns)
            connect_again(all, one);
        else if (one->fd >= 0 && !one->connecting && one->kind == LG_BYSTANDER_SLOW)
            read_slowly(all, one);
    }
}

static void *stand_by(void *data)
{
    struct lg_bystanders *all = data;
    struct epoll_event events[EVENTS_MAX];
    uint64_t next = lg_now() + TICK_NS;

    while (!atomic_load(&all->stop)) {
        uint64_t now = lg_now();
        int count = epoll_wait(all->epoll, events, EVENTS_MAX,
                               now < next ? (int)((next - now) / 1000000) + 1 : 0);

        for (int i = 0; i < count; i++)
            on_event(all, events[i].data.ptr, events[i].events);
        now = lg_now();
        if (now < next)
            continue;
        on_tick(all, now);
        next = now + TICK_NS;
    }
    return NULL;
}

static int make_request(struct lg_bystanders *all, const struct lg_scenario *scenario)
{
    const struct lg_request *what = &scenario->requests[scenario->deck[0]];
    const struct evd_envelope call = {
        .kind = EVD_KIND_CALL,
        .id = {.kind = EVD_ID_UINT, .number = 1},
        .codec = what->codec,
        .event = what->event,
        .data = what->data,
        .envelope = all->options->transport->ordered ? all->options->host : (struct evd_slice){0},
    };

    evd_buf_init(&all->request, 6 * scenario->largest_data + 1024);
    return all->options->transport->encode(&all->request, &call);
}

static int connect_all(struct lg_bystanders *all, struct evd_error *ret_error)
{
    unsigned at = 0;

    for (int kind = 0; kind < LG_BYSTANDERS; kind++) {
        for (unsigned i = 0; i < all->options->profile.bystanders[kind]; i++, at++) {
            struct bystander *one = &all->all[at];
            int rc = lg_socket_connect_wait(all->options, at, CONNECT_TIMEOUT, &one->fd, ret_error);

            if (rc < 0)
                return rc;
            one->kind = (enum lg_bystander)kind;
            up(all, one, EPOLL_CTL_ADD);
        }
    }
    return EVD_OK;
}

static void release(struct lg_bystanders *all)
{
    for (unsigned i = 0; i < all->count; i++)
        if (all->all[i].fd >= 0)
            close(all->all[i].fd);
    if (all->epoll >= 0)
        close(all->epoll);
    evd_buf_release(&all->request);
    free(all->all);
    free(all);
}

static int start(struct lg_bystanders *all, const struct lg_scenario *scenario,
                 struct evd_error *ret_error)
{
    sigset_t every, before;
    int rc;

    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (all->epoll < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "epoll_create1: %s", strerror(errno));
    if (make_request(all, scenario) < 0)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a request");
    rc = connect_all(all, ret_error);
    sigfillset(&every); /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &every, &before);
    if (rc == EVD_OK && pthread_create(&all->thread, NULL, stand_by, all) != 0)
        rc = evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot start a thread");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int lg_bystanders_start(const struct lg_run_options *options, const struct lg_scenario *scenario,
                        struct lg_bystanders **ret_bystanders, struct evd_error *ret_error)
{
    unsigned count = lg_profile_extra(&options->profile);
    struct lg_bystanders *all;
    int rc;

    *ret_bystanders = NULL;
    if (count == 0)
        return EVD_OK;
    all = calloc(1, sizeof(*all));
    if (all != NULL)
        all->all = calloc(count, sizeof(*all->all));
    if (all == NULL || all->all == NULL) {
        free(all);
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for %u connections", count);
    }
    all->options = options;
    all->count = count;
    all->epoll = -1;
    for (unsigned i = 0; i < count; i++)
        all->all[i].fd = -1;
    rc = start(all, scenario, ret_error);
    if (rc < 0)
        release(all);
    else
        *ret_bystanders = all;
    return rc;
}

void lg_bystanders_stop(struct lg_bystanders *bystanders,
                        struct lg_bystander_counts ret_counts[LG_BYSTANDERS])
{
    memset(ret_counts, 0, LG_BYSTANDERS * sizeof(*ret_counts));
    if (bystanders == NULL)
        return;
    atomic_store(&bystanders->stop, true);
    pthread_join(bystanders->thread, NULL);
    memcpy(ret_counts, bystanders->counts, LG_BYSTANDERS * sizeof(*ret_counts));
    for (unsigned i = 0; i < bystanders->count; i++)
        ret_counts[bystanders->all[i].kind].open +=
            bystanders->all[i].fd >= 0 && !bystanders->all[i].connecting;
    release(bystanders);
}
