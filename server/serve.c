#include "serve.h"

#include "clock.h"
#include "conn.h"
#include "loop.h"
#include "measure.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_SECONDS       0.25
#define DRAIN_SWEEP_SECONDS 0.05
#define GONE_MAX            64 /* connections at a time */

/* The kernel may have refused to watch them, which stops a watcher: it is tried again. */
static void watch_on(struct evd_worker *worker)
{
    ev_io_start(worker->loop, &worker->gone);
    if (evd_dispatch_watch_fd(worker->dispatch) >= 0)
        ev_io_start(worker->loop, &worker->modules);
}

static void on_sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct evd_worker *worker = timer->data;
    uint64_t now = evd_now_coarse();
    evd_conns_sweep(worker, now);
    evd_surplus_sweep(&worker->surplus, now);
    watch_on(worker);
    evd_measure_publish(worker);
    if (worker->draining &&
        (worker->conns.count == 0 || evd_now_coarse() >= worker->drain_deadline_ns))
        ev_break(loop, EVBREAK_ALL);
}

static void start_draining(struct evd_worker *worker)
{
    worker->draining = true;
    for (struct evd_conn *conn = worker->conns.first, *next; conn != NULL; conn = next) {
        next = conn->next;
        evd_conn_drain(conn);
    }
    ev_timer_stop(worker->loop, &worker->sweep);
    ev_timer_set(&worker->sweep, 0., DRAIN_SWEEP_SECONDS);
    ev_timer_start(worker->loop, &worker->sweep);
}

static void fill_stats(struct evd_worker *worker)
{
    struct evd_worker_stats stats = {
        .connections = worker->conns.count,
        .accepted = worker->accepted,
        .calls = worker->calls,
        .refused = worker->refused,
        .token_bytes = worker->grant_bytes,
        .endpoints = evd_dispatch_endpoints(worker->dispatch),
    };
    evd_dispatch_get_stats(worker->dispatch, &stats.dispatch);
    (void)pthread_mutex_lock(&worker->lock);
    worker->stats = stats;
    (void)pthread_mutex_unlock(&worker->lock);
}

void evd_worker_ask(struct evd_worker *worker, enum evd_worker_ask ask)
{
    (void)atomic_fetch_and(&worker->answered, ~(unsigned)ask);
    (void)atomic_fetch_or(&worker->asked, (unsigned)ask);
    ev_async_send(worker->loop, &worker->async);
}

static void on_asked(struct ev_loop *loop, ev_async *async, int events)
{
    (void)events;
    struct evd_worker *worker = async->data;
    unsigned asked = atomic_exchange(&worker->asked, 0u);

    if (asked & EVD_ASK_STATS)
        fill_stats(worker);
    worker->leaving |= (asked & (EVD_ASK_FINISH | EVD_ASK_LEAVE)) != 0;
    for (size_t i = 0; (asked & EVD_ASK_FINISH) && i < worker->listener_count; i++)
        evd_listener_finish(&worker->listeners[i]);
    if ((asked & EVD_ASK_DRAIN) && !worker->draining)
        start_draining(worker);
    if (asked & EVD_ASK_END)
        ev_break(loop, EVBREAK_ALL);
    (void)atomic_fetch_or(&worker->answered, asked);
    ev_async_send(worker->shared->loop, &worker->shared->answered);
}

static void on_modules(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct evd_worker *worker = io->data;
    evd_dispatch_watch(worker->dispatch);
    if (evd_dispatch_watch_fd(worker->dispatch) < 0) /* it has come to a limit of the system's */
        ev_io_stop(loop, io);
}

static void on_gone(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct epoll_event gone[GONE_MAX]; /* the rest is told of again */
    int count = epoll_wait(io->fd, gone, GONE_MAX, 0);
    for (int i = 0; i < count; i++)
        evd_conn_close(gone[i].data.ptr);
}

static void on_refused(void *context)
{
    struct evd_worker *worker = context;
    evd_count(&worker->measure.metrics->refused, 1);
}

void evd_worker_accept(struct evd_worker *worker, int fd, bool is_tcp)
{
    worker->accepted++;
    if (atomic_fetch_add_explicit(&worker->shared->connections, 1, memory_order_relaxed) >=
        worker->config->max_connections) {
        evd_worker_left(worker);
        on_refused(worker);
        evd_surplus_take(&worker->surplus, fd);
        return;
    }
    if (is_tcp) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (evd_conn_open(worker, fd) == NULL) {
        evd_worker_left(worker);
        on_refused(worker);
        evd_log_write(worker->config->log, EVD_LOG_ERROR, "no memory for a connection");
    }
}

static void on_accepted(void *context, int fd, bool is_tcp)
{
    evd_worker_accept(context, fd, is_tcp);
}

static int open_loop(struct evd_worker *worker, struct evd_error *ret_error)
{
    int rc = evd_loop_open(false, &worker->loop, ret_error);
    if (rc < 0)
        return rc;
    worker->acceptor.loop = worker->loop;
    evd_surplus_init(&worker->surplus, worker->loop, &worker->codecs,
                     worker->config->max_connections);
    int gone = epoll_create1(EPOLL_CLOEXEC);
    if (gone < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "the event loop: epoll: %s",
                             strerror(errno));
    ev_io_init(&worker->gone, on_gone, gone, EV_READ);
    ev_io_start(worker->loop, &worker->gone);
    ev_timer_init(&worker->sweep, on_sweep, SWEEP_SECONDS, SWEEP_SECONDS);
    worker->sweep.data = worker;
    ev_async_init(&worker->async, on_asked);
    worker->async.data = worker;
    ev_async_start(worker->loop, &worker->async);
    int fd = evd_dispatch_watch_fd(worker->dispatch);
    if (fd >= 0) {
        ev_io_init(&worker->modules, on_modules, fd, EV_READ);
        worker->modules.data = worker;
        /* Before the sockets: a call that was sent after a module was replaced meets the new one.
         */
        ev_set_priority(&worker->modules, EV_MAXPRI);
        ev_io_start(worker->loop, &worker->modules);
    }
    return EVD_OK;
}

int evd_worker_open(struct evd_worker *worker, const struct evd_server_config *config,
                    unsigned index, struct evd_worker_shared *shared, struct evd_error *ret_error)
{
    *worker = (struct evd_worker){
        .config = config,
        .index = index,
        .shared = shared,
        .gone.fd = -1,
    };
    worker->acceptor = (struct evd_acceptor){
        .config = config, .accepted = on_accepted, .refused = on_refused, .context = worker};
    (void)pthread_mutex_init(&worker->lock, NULL);
    evd_buf_init(&worker->rx, EVD_RX_SIZE);
    evd_buf_init(&worker->tx, 2 * config->max_output);
    int rc = evd_conns_init(worker);
    if (rc >= 0)
        rc = evd_codec_context_init(&worker->codecs, config->max_inflated);
    worker->codecs.max_ratio = config->max_ratio;
    if (rc < 0)
        (void)evd_error_set(ret_error, rc, "%s", evd_status_text(rc));
    if (rc >= 0)
        rc = evd_dispatch_open(&config->dispatch, &worker->dispatch, ret_error);
    if (rc >= 0)
        rc = open_loop(worker, ret_error);
    if (rc >= 0)
        evd_measure_start(worker);
    if (rc < 0) {
        evd_worker_close(worker);
        evd_worker_release(worker);
    }
    return rc;
}

int evd_worker_listen(struct evd_worker *worker, const struct evd_worker *first,
                      struct evd_error *ret_error)
{
    const struct evd_server_config *config = worker->config;
    int rc = EVD_OK;
    size_t passed = config->passed_count;
    for (size_t i = 0; i < passed + config->listen_count && rc >= 0; i++) {
        struct evd_listener *listener = &worker->listeners[i];
        if (first != NULL)
            rc = evd_listener_join(listener, &worker->acceptor, &first->listeners[i], ret_error);
        else if (i < passed)
            rc = evd_listener_inherit(listener, &worker->acceptor, config->passed[i], ret_error);
        else
            rc = evd_listener_open(listener, &worker->acceptor, &config->listen[i - passed],
                                   ret_error);
        worker->listener_count = i + 1;
    }
    return rc;
}

void evd_worker_run(struct evd_worker *worker)
{
    ev_timer_start(worker->loop, &worker->sweep);
    for (size_t i = 0; i < worker->listener_count; i++)
        evd_listener_start(&worker->listeners[i]);
    (void)ev_run(worker->loop, 0);
    worker->cut_off = worker->conns.count;
}

void evd_worker_close(struct evd_worker *worker)
{
    for (size_t i = 0; i < worker->listener_count; i++)
        evd_listener_close(&worker->listeners[i]);
    evd_surplus_close(&worker->surplus);
    while (worker->conns.first != NULL)
        evd_conn_close(worker->conns.first);
    if (worker->dispatch != NULL && worker->loop != NULL)
        fill_stats(worker);
    evd_dispatch_close(worker->dispatch);
    worker->dispatch = NULL;
    evd_codec_context_release(&worker->codecs);
    evd_buf_release(&worker->rx);
    evd_buf_release(&worker->tx);
    evd_work_free(worker->work);
    evd_measure_close(worker);
    if (worker->gone.fd >= 0)
        (void)close(worker->gone.fd);
    worker->gone.fd = -1;
}

void evd_worker_release(struct evd_worker *worker)
{
    if (worker->loop != NULL)
        ev_loop_destroy(worker->loop);
    worker->loop = NULL;
    (void)pthread_mutex_destroy(&worker->lock);
}
