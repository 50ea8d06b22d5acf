/* libev, as far as the server's workers use it: these take its place when the test is linked. What
 * it promises is kept (a watcher that was stopped is not called, priorities, level-triggered
 * readiness, EV_ERROR for what epoll would not take); what it does not, the order, is by chance. */
#include "sim.h"

#include <string.h>

#define WATCHERS_MAX (SIM_PEERS * 4)
#define LOOPS_MAX    4

struct event {
    ev_watcher *watcher; /* NULL: it was stopped meanwhile */
    int events;
};

struct ev_loop {
    bool open, running;
    ev_watcher *watchers[WATCHERS_MAX]; /* that are started */
    enum { IO, TIMER, ASYNC, PREPARE, CHECK } kinds[WATCHERS_MAX];
    bool fresh[WATCHERS_MAX]; /* an ev_io that epoll has not taken yet */
    bool sent[WATCHERS_MAX];  /* of an async */
    uint64_t due_ns[WATCHERS_MAX];
    size_t count;
    struct event pending[WATCHERS_MAX];
    size_t pending_count;
};

static struct ev_loop loops[LOOPS_MAX];

static size_t find(const struct ev_loop *loop, const void *watcher)
{
    size_t i = 0;
    while (i < loop->count && (const void *)loop->watchers[i] != watcher)
        i++;
    return i;
}

static size_t start(struct ev_loop *loop, void *watcher, int kind)
{
    ev_watcher *w = watcher;
    size_t at = find(loop, w);
    SIM_CHECK((at < loop->count) == (w->active != 0)); /* a watcher that was freed, or copied */
    if (at < loop->count)
        return at;
    SIM_CHECK(loop->open && loop->count < WATCHERS_MAX);
    loop->count++;
    loop->watchers[at] = w;
    loop->kinds[at] = (unsigned)kind;
    loop->sent[at] = loop->fresh[at] = false;
    w->active = 1;
    return at;
}

static void stop(struct ev_loop *loop, void *watcher)
{
    ev_watcher *w = watcher;
    for (size_t i = 0; i < loop->pending_count; i++)
        if (loop->pending[i].watcher == w)
            loop->pending[i].watcher = NULL;
    size_t at = find(loop, w), last = loop->count - 1;
    SIM_CHECK((at < loop->count) == (w->active != 0));
    w->active = w->pending = 0;
    if (at == loop->count)
        return;
    loop->watchers[at] = loop->watchers[last];
    loop->kinds[at] = loop->kinds[last];
    loop->fresh[at] = loop->fresh[last];
    loop->sent[at] = loop->sent[last];
    loop->due_ns[at] = loop->due_ns[last];
    loop->count--;
}

struct ev_loop *ev_loop_new(unsigned flags) EV_NOEXCEPT
{
    (void)flags;
    if (sim_fails(SIM_LOOP, SIM_EVERYONE))
        return NULL;
    for (size_t i = 0; i < LOOPS_MAX; i++) {
        if (loops[i].open)
            continue;
        memset(&loops[i], 0, sizeof loops[i]);
        loops[i].open = true;
        return &loops[i];
    }
    sim_fail(__FILE__, __LINE__, "a loop is free");
}

struct ev_loop *ev_default_loop(unsigned flags) EV_NOEXCEPT
{
    return ev_loop_new(flags);
}

void ev_loop_destroy(struct ev_loop *loop) EV_NOEXCEPT
{
    SIM_CHECK(loop->open);
    loop->open = loop->running = false;
}

void ev_set_allocator(void *(*allocate)(void *ptr, long size)EV_NOEXCEPT) EV_NOEXCEPT
{
    (void)allocate;
}

void ev_set_syserr_cb(void (*call)(const char *what) EV_NOEXCEPT) EV_NOEXCEPT
{
    (void)call;
}

void ev_now_update(struct ev_loop *loop) EV_NOEXCEPT
{
    SIM_CHECK(loop->open);
}

void ev_io_start(struct ev_loop *loop, ev_io *w) EV_NOEXCEPT
{
    if (w->active)
        return;
    SIM_CHECK(w->fd >= 0);
    loop->fresh[start(loop, w, IO)] = true;
}

void ev_io_stop(struct ev_loop *loop, ev_io *w) EV_NOEXCEPT
{
    stop(loop, w);
}

void ev_timer_start(struct ev_loop *loop, ev_timer *w) EV_NOEXCEPT
{
    if (w->active)
        return;
    SIM_CHECK(w->at >= 0);
    loop->due_ns[start(loop, w, TIMER)] = sim.now_ns + (uint64_t)(w->at * 1e9);
}

void ev_timer_stop(struct ev_loop *loop, ev_timer *w) EV_NOEXCEPT
{
    stop(loop, w);
}

void ev_async_start(struct ev_loop *loop, ev_async *w) EV_NOEXCEPT
{
    (void)start(loop, w, ASYNC);
}

void ev_async_send(struct ev_loop *loop, ev_async *w) EV_NOEXCEPT
{
    size_t at = find(loop, w);
    SIM_CHECK(loop->open && at < loop->count);
    loop->sent[at] = true;
}

void ev_prepare_start(struct ev_loop *loop, ev_prepare *w) EV_NOEXCEPT
{
    (void)start(loop, w, PREPARE);
}

void ev_check_start(struct ev_loop *loop, ev_check *w) EV_NOEXCEPT
{
    (void)start(loop, w, CHECK);
}

void ev_signal_start(struct ev_loop *loop, ev_signal *w) EV_NOEXCEPT
{
    (void)loop;
    (void)w;
}

/* The turns are the test's to take. */
int ev_run(struct ev_loop *loop, int flags)
{
    (void)flags;
    SIM_CHECK(loop->open && !loop->running);
    loop->running = true;
    return 0;
}

void ev_break(struct ev_loop *loop, int how) EV_NOEXCEPT
{
    (void)how;
    loop->running = false;
}

void sim_forget_loops(void)
{
    memset(loops, 0, sizeof loops);
}

bool sim_runs(const struct ev_loop *loop)
{
    return loop->running;
}

size_t sim_loops(void)
{
    size_t open = 0;
    for (size_t i = 0; i < LOOPS_MAX; i++)
        open += loops[i].open;
    return open;
}

uint64_t sim_next_timer(const struct ev_loop *loop)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < loop->count; i++)
        if (loop->kinds[i] == TIMER && loop->due_ns[i] < next)
            next = loop->due_ns[i];
    return next;
}

/* ---- A turn. ---- */

static void feed(struct ev_loop *loop, void *watcher, int events)
{
    ((ev_watcher *)watcher)->pending = 1;
    loop->pending[loop->pending_count++] = (struct event){watcher, events};
}

/* What epoll is told of before it waits; libev stops what it would not take (fd_kill()). */
static void tell_epoll(struct ev_loop *loop)
{
    for (size_t i = 0; i < loop->count; i++) {
        if (loop->kinds[i] != IO || !loop->fresh[i])
            continue;
        ev_io *io = (ev_io *)loop->watchers[i];
        loop->fresh[i] = false;
        if (!sim_fails(SIM_WATCH, io->fd))
            continue;
        stop(loop, io);
        feed(loop, io, EV_ERROR | EV_READ | EV_WRITE);
        i = (size_t)-1; /* another has taken its place */
    }
}

static void collect(struct ev_loop *loop)
{
    for (size_t i = 0; i < loop->count; i++) {
        ev_watcher *w = loop->watchers[i];
        if (loop->kinds[i] == IO) {
            const ev_io *io = (const ev_io *)w;
            int ready = sim_ready(io->fd) & io->events;
            if (ready != 0)
                feed(loop, w, ready);
        } else if (loop->kinds[i] == ASYNC && loop->sent[i]) {
            loop->sent[i] = false;
            feed(loop, w, EV_ASYNC);
        } else if (loop->kinds[i] == TIMER && loop->due_ns[i] <= sim.now_ns) {
            feed(loop, w, EV_TIMER);
        }
    }
    for (size_t i = 0; i < loop->count; i++) { /* before they are called, as libev does */
        if (loop->kinds[i] != TIMER || loop->due_ns[i] > sim.now_ns)
            continue;
        ev_timer *timer = (ev_timer *)loop->watchers[i];
        if (timer->repeat > 0) {
            loop->due_ns[i] = sim.now_ns + (uint64_t)(timer->repeat * 1e9);
            continue;
        }
        size_t count = loop->pending_count;
        loop->pending_count = 0; /* it stays pending */
        stop(loop, timer);
        timer->pending = 1;
        loop->pending_count = count;
        i--;
    }
}

/* By priority, those of the same in an order by chance. */
static void shuffle(struct event *events, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = sim_below(i);
        struct event kept = events[i - 1];
        events[i - 1] = events[j];
        events[j] = kept;
    }
    for (size_t i = 1; i < count; i++) {
        struct event event = events[i];
        size_t at = i;
        for (; at > 0 && events[at - 1].watcher->priority < event.watcher->priority; at--)
            events[at] = events[at - 1];
        events[at] = event;
    }
}

/* The descriptor behind a watcher: its own, or that of the connection whose timer it is. */
static int turn_of(const ev_watcher *w, int events)
{
    if ((events & EV_TIMER) == 0)
        return (events & EV_ASYNC) != 0 ? SIM_EVERYONE : ((const ev_io *)w)->fd;
    for (size_t i = 0; i < sim.worker_count; i++) {
        const struct evd_conn *conn = sim.workers[i]->conns.first;
        for (; conn != NULL; conn = conn->next)
            if (conn->work != NULL && (const void *)&conn->work->wait == (const void *)w)
                return conn->fd;
    }
    return SIM_EVERYONE;
}

static void call_all(struct ev_loop *loop, int kind, int events)
{
    for (size_t i = 0; i < loop->count; i++)
        if (loop->kinds[i] == (unsigned)kind)
            loop->watchers[i]->cb(loop, loop->watchers[i], events);
}

bool sim_turn(struct ev_loop *loop, void (*check)(void *), void *context)
{
    call_all(loop, PREPARE, EV_PREPARE);
    loop->pending_count = 0;
    tell_epoll(loop);
    collect(loop);
    size_t count = loop->pending_count;
    if (count == 0)
        return false;
    shuffle(loop->pending, count);
    call_all(loop, CHECK, EV_CHECK);
    for (size_t i = 0; i < count && loop->open; i++) {
        struct event event = loop->pending[i];
        if (event.watcher == NULL)
            continue;
        event.watcher->pending = 0;
        sim_turn_of(turn_of(event.watcher, event.events));
        event.watcher->cb(loop, event.watcher, event.events);
        sim_turn_of(SIM_EVERYONE);
        check(context);
    }
    loop->pending_count = 0;
    return true;
}
