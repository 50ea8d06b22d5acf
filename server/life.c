#include "life.h"

#include "clock.h"
#include "loop.h"
#include "stats.h"
#include "systemd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define FINISH_SECONDS 0.1  /* for all workers to stop accepting, before connections are ended */
#define GRACE_SECONDS  2.   /* behind a deadline of their own */
#define END_SECONDS    0.25 /* for the threads to end at once */
#define COUNT_SECONDS  1.

static void notify(const struct evd_life *life, const char *state)
{
    struct evd_error error;
    if (evd_systemd_notify(state, &error) < 0)
        evd_log_write(life->config->log, EVD_LOG_WARNING, error.text);
}

/* ---- The end, in steps. ---- */

static void be_patient(struct evd_life *life, double seconds)
{
    ev_timer_stop(life->shared.loop, &life->patience);
    ev_now_update(life->shared.loop);
    ev_timer_set(&life->patience, seconds, 0.);
    ev_timer_start(life->shared.loop, &life->patience);
}

/* Balancers ask /readyz, and until they have heard of it they send clients here. */
static void leave(struct evd_life *life)
{
    life->phase = EVD_LEAVING;
    evd_workers_ask(life->workers, EVD_ASK_LEAVE);
    be_patient(life, (double)life->config->drain_delay_ns / 1e9);
    notify(life, "STOPPING=1");
}

/* First nobody accepts any more, then connections are ended: their clients come back at once, and
 * must not meet a worker that is about to close its listeners. */
static void finish(struct evd_life *life)
{
    if (life->phase == EVD_SERVING)
        notify(life, "STOPPING=1");
    life->phase = EVD_FINISHING;
    life->drain_deadline_ns = evd_now_coarse() + life->config->drain_timeout_ns;
    evd_workers_ask(life->workers, EVD_ASK_FINISH);
    be_patient(life, FINISH_SECONDS);
}

static void drain(struct evd_life *life)
{
    uint64_t now = evd_now_coarse(), left = life->drain_deadline_ns;
    life->phase = EVD_DRAINING;
    if (evd_workers_silent(life->workers, EVD_ASK_FINISH) == 0)
        evd_workers_close_shared(life->workers);
    evd_workers_drain(life->workers, life->drain_deadline_ns);
    be_patient(life, (left > now ? (double)(left - now) / 1e9 : 0) + GRACE_SECONDS);
}

static void end(struct evd_life *life)
{
    if (life->phase == EVD_ENDING)
        return;
    life->phase = EVD_ENDING;
    evd_workers_ask(life->workers, EVD_ASK_END);
    be_patient(life, END_SECONDS);
}

static void on_patience_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct evd_life *life = timer->data;
    if (life->phase == EVD_LEAVING)
        finish(life);
    else if (life->phase == EVD_FINISHING)
        drain(life);
    else
        ev_break(loop, EVBREAK_ALL);
}

static void on_end_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)loop;
    (void)events;
    struct evd_life *life = signal->data;
    if (life->phase != EVD_SERVING)
        end(life); /* asked twice: at once */
    else if (life->config->drain_delay_ns > 0)
        leave(life);
    else
        finish(life);
}

/* ---- Counters, log, watchdog. ---- */

static void print_counters(struct evd_life *life)
{
    life->counting = false;
    ev_timer_stop(life->shared.loop, &life->count_over);
    evd_stats_print(life->workers, life->config->log);
}

static void on_count_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    print_counters(timer->data);
}

static void on_usr1(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)events;
    struct evd_life *life = signal->data;
    evd_workers_ask(life->workers, EVD_ASK_STATS);
    life->counting = true;
    ev_now_update(loop);
    ev_timer_set(&life->count_over, COUNT_SECONDS, 0.);
    ev_timer_start(loop, &life->count_over);
}

static void on_hup(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)loop;
    (void)events;
    const struct evd_server_config *config = ((const struct evd_life *)signal->data)->config;
    struct evd_error error, warning = {0};
    if (evd_log_reopen(config->log, &error) < 0)
        evd_log_write(config->log, EVD_LOG_ERROR, error.text);
    if (config->auth == NULL)
        return;
    if (evd_auth_reload(config->auth, &warning, &error) < 0)
        evd_log_write(config->log, EVD_LOG_ERROR, error.text);
    else
        evd_log_write(config->log, EVD_LOG_INFO, "the secret of tokens was read anew");
    if (warning.text[0] != '\0')
        evd_log_write(config->log, EVD_LOG_WARNING, warning.text);
}

/* It is told of life only by workers that turn their loops. */
static void on_watchdog(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct evd_life *life = timer->data;
    evd_workers_ask(life->workers, EVD_ASK_PING);
}

static void start_watchdog(struct evd_life *life)
{
    double seconds = (double)evd_systemd_watchdog_ns() / 1e9 / 2;
    if (seconds <= 0)
        return;
    ev_timer_set(&life->watchdog, seconds, seconds);
    ev_timer_start(life->shared.loop, &life->watchdog);
}

/* ---- The loop. ---- */

static void on_answered(struct ev_loop *loop, ev_async *async, int events)
{
    (void)events;
    struct evd_life *life = async->data;
    bool ends = life->phase == EVD_DRAINING || life->phase == EVD_ENDING;

    if (life->counting && evd_workers_silent(life->workers, EVD_ASK_STATS) == 0)
        print_counters(life);
    if (ev_is_active(&life->watchdog) && evd_workers_took(life->workers, EVD_ASK_PING))
        notify(life, "WATCHDOG=1");
    if (life->phase == EVD_FINISHING && evd_workers_silent(life->workers, EVD_ASK_FINISH) == 0)
        drain(life);
    if (ends && evd_workers_running(life->workers) == 0)
        ev_break(loop, EVBREAK_ALL);
}

int evd_life_open(struct evd_life *life, const struct evd_server_config *config,
                  struct evd_error *ret_error)
{
    *life = (struct evd_life){.config = config};
    struct ev_loop *loop;
    int rc = evd_loop_open(true, &loop, ret_error);
    if (rc < 0)
        return rc;
    life->shared.loop = loop;
    ev_async_init(&life->shared.answered, on_answered);
    ev_timer_init(&life->patience, on_patience_over, 0., 0.);
    ev_timer_init(&life->count_over, on_count_over, 0., 0.);
    ev_timer_init(&life->watchdog, on_watchdog, 0., 0.);
    ev_signal_init(&life->on_term, on_end_signal, SIGTERM);
    ev_signal_init(&life->on_int, on_end_signal, SIGINT);
    ev_signal_init(&life->on_usr1, on_usr1, SIGUSR1);
    ev_signal_init(&life->on_hup, on_hup, SIGHUP);
    life->shared.answered.data = life;
    life->patience.data = life->count_over.data = life->watchdog.data = life;
    life->on_term.data = life->on_int.data = life->on_usr1.data = life->on_hup.data = life;
    ev_async_start(loop, &life->shared.answered);
    ev_signal_start(loop, &life->on_term);
    ev_signal_start(loop, &life->on_int);
    ev_signal_start(loop, &life->on_usr1);
    ev_signal_start(loop, &life->on_hup);
    return EVD_OK;
}

unsigned evd_life_run(struct evd_life *life, struct evd_workers *workers)
{
    life->workers = workers;
    evd_workers_start(workers);
    notify(life, "READY=1");
    start_watchdog(life);
    (void)ev_run(life->shared.loop, 0);
    unsigned running = evd_workers_running(workers);
    if (running == 0) {
        struct evd_worker_stats sum = evd_stats_sum(workers);
        char text[120];
        (void)snprintf(text, sizeof text, "STATUS=Ended after %llu calls on %llu connections",
                       (unsigned long long)sum.calls, (unsigned long long)sum.accepted);
        notify(life, text);
    }
    return running;
}

void evd_life_close(struct evd_life *life)
{
    if (life->shared.loop != NULL)
        ev_loop_destroy(life->shared.loop);
    life->shared.loop = NULL;
}
