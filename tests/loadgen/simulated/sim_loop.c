/* libev, as far as the generator uses it: these are linked in its place. What it promises is kept:
 * a watcher that was stopped is not called, higher priorities first, readiness is by level, and a
 * timer counts from when it was started. */
#include "sim.h"

#include <ev.h>

#define WATCHERS_MAX 4096

struct ev_loop {
    ev_io *ios[WATCHERS_MAX]; /* those that are started: ios[i]->active is i + 1; timers alike */
    unsigned io_count;
    int timer_fd;  /* among them; 0: none. wakes_at() is its clock */
    uint64_t seen; /* sim_net_changes() when there was no input, plus 1; 0: look again */
    ev_timer *timers[WATCHERS_MAX];
    uint64_t due_ns[WATCHERS_MAX];
    unsigned timer_count;
    struct pending {
        ev_watcher *watcher; /* NULL: it was stopped meanwhile */
        int events;
    } pending[2 * WATCHERS_MAX];
    unsigned pending_count;
};

struct ev_loop *ev_loop_new(unsigned flags) EV_NOEXCEPT
{
    (void)flags;
    return calloc(1, sizeof(struct ev_loop));
}

void ev_loop_destroy(struct ev_loop *loop) EV_NOEXCEPT
{
    free(loop);
}

void ev_break(struct ev_loop *loop, int how) EV_NOEXCEPT
{
    (void)loop; /* who calls it makes single turns */
    (void)how;
}

static void forget(struct ev_loop *loop, void *watcher)
{
    ev_watcher *w = watcher;

    if (w->pending != 0)
        loop->pending[w->pending - 1].watcher = NULL;
    w->pending = 0;
}

void ev_io_start(struct ev_loop *loop, ev_io *w) EV_NOEXCEPT
{
    if (w->active != 0)
        return;
    SIM_CHECK(loop->io_count < WATCHERS_MAX);
    if (sim_is_timer(w->fd)) {
        SIM_CHECK(loop->timer_fd == 0);
        loop->timer_fd = w->fd;
    }
    loop->seen = 0;
    loop->ios[loop->io_count++] = w;
    w->active = (int)loop->io_count;
}

void ev_io_stop(struct ev_loop *loop, ev_io *w) EV_NOEXCEPT
{
    unsigned at = (unsigned)w->active - 1;

    forget(loop, w);
    if (w->active == 0)
        return;
    SIM_CHECK(loop->ios[at] == w);
    loop->ios[at] = loop->ios[--loop->io_count];
    loop->ios[at]->active = (int)at + 1;
    w->active = 0;
}

static uint64_t ns_of(double seconds)
{
    SIM_CHECK(seconds >= 0);
    return (uint64_t)(seconds * 1e9 + 0.5);
}

void ev_timer_start(struct ev_loop *loop, ev_timer *w) EV_NOEXCEPT
{
    if (w->active != 0)
        return;
    SIM_CHECK(loop->timer_count < WATCHERS_MAX);
    loop->due_ns[loop->timer_count] = sim.now_ns + ns_of(w->at);
    loop->timers[loop->timer_count++] = w;
    w->active = (int)loop->timer_count;
}

void ev_timer_stop(struct ev_loop *loop, ev_timer *w) EV_NOEXCEPT
{
    unsigned at = (unsigned)w->active - 1, last;

    forget(loop, w);
    if (w->active == 0)
        return;
    SIM_CHECK(loop->timers[at] == w);
    last = --loop->timer_count;
    loop->timers[at] = loop->timers[last];
    loop->due_ns[at] = loop->due_ns[last];
    loop->timers[at]->active = (int)at + 1;
    w->active = 0;
}

/* ---- A turn ---- */

static bool has_input(void *context)
{
    struct ev_loop *loop = context;

    if (loop->seen == sim_net_changes() + 1)
        return false;
    for (unsigned i = 0; i < loop->io_count; i++)
        if ((sim_ready(loop->ios[i]->fd) & loop->ios[i]->events) != 0)
            return true;
    loop->seen = sim_net_changes() + 1;
    return false;
}

static uint64_t wakes_at(const struct ev_loop *loop)
{
    uint64_t wake = SIM_NEVER - sim.timer_late_ns;

    for (unsigned i = 0; i < loop->timer_count; i++)
        wake = loop->due_ns[i] < wake ? loop->due_ns[i] : wake;
    wake += sim.timer_late_ns;
    if (loop->timer_fd != 0 && sim_ready_at(loop->timer_fd) < wake)
        wake = sim_ready_at(loop->timer_fd);
    return wake;
}

static void feed(struct ev_loop *loop, void *watcher, int events)
{
    ev_watcher *w = watcher;

    loop->pending[loop->pending_count++] = (struct pending){w, events};
    w->pending = (int)loop->pending_count;
}

static void collect_timers(struct ev_loop *loop)
{
    for (unsigned i = 0; i < loop->timer_count; i++) {
        ev_timer *timer = loop->timers[i];

        if (loop->due_ns[i] > sim.now_ns)
            continue;
        loop->due_ns[i] += ns_of(timer->repeat);
        if (loop->due_ns[i] < sim.now_ns)
            loop->due_ns[i] = sim.now_ns;
        if (timer->repeat == 0) {
            ev_timer_stop(loop, timer);
            i--;
        }
        feed(loop, timer, EV_TIMER);
    }
}

static void call_all(struct ev_loop *loop)
{
    for (int priority = EV_MAXPRI; priority >= EV_MINPRI; priority--) {
        for (unsigned i = 0; i < loop->pending_count; i++) {
            struct pending one = loop->pending[i];

            if (one.watcher == NULL || one.watcher->priority != priority)
                continue;
            forget(loop, one.watcher);
            one.watcher->cb(loop, one.watcher, one.events);
        }
    }
    loop->pending_count = 0;
}

int ev_run(struct ev_loop *loop, int flags)
{
    if ((flags & EVRUN_NOWAIT) != 0)
        sim_wait(sim.now_ns + sim.poll_ns, NULL, NULL);
    else
        sim_wait(wakes_at(loop), has_input, loop);
    collect_timers(loop);
    for (unsigned i = 0; i < loop->io_count; i++) {
        int ready = sim_ready(loop->ios[i]->fd) & loop->ios[i]->events;

        if (ready != 0)
            feed(loop, loop->ios[i], ready);
    }
    call_all(loop);
    return 0;
}
