#include "worker.h"

#include "conn.h"

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
#define REFUSED_LOG_NS      1000000000ull /* between two lines of refused tokens */
#define GONE_MAX            64            /* connections at a time */

uint64_t evd_worker_now(void)
{
    /* Not ev_now(): that is the wall clock, which jumps. The coarse clock costs no system call, and
     * its few milliseconds are enough for time-outs. */
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void evd_worker_refused(struct evd_worker *worker, const char *why)
{
    uint64_t now = evd_worker_now();
    worker->refused++;
    if (why[0] == '\0' || (worker->refused_ns != 0 && now - worker->refused_ns < REFUSED_LOG_NS))
        return;
    worker->refused_ns = now;
    char text[320];
    (void)snprintf(text, sizeof text, "a token was refused: %s (%llu refusals so far)", why,
                   (unsigned long long)worker->refused);
    evd_log_write(worker->config->log, EVD_LOG_INFO, text);
}

static void on_sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct evd_worker *worker = timer->data;
    evd_conns_sweep(worker, evd_worker_now());
    if (worker->draining &&
        (worker->conns.count == 0 || evd_worker_now() >= worker->drain_deadline_ns))
        ev_break(loop, EVBREAK_ALL);
}

static void start_draining(struct evd_worker *worker)
{
    worker->draining = true;
    worker->drain_deadline_ns = evd_worker_now() + worker->config->drain_timeout_ns;
    for (size_t i = 0; i < worker->config->listen_count; i++)
        evd_listener_close(&worker->listeners[i]);
    for (struct evd_conn *conn = worker->conns.first, *next; conn != NULL; conn = next) {
        next = conn->next;
        evd_conn_drain(conn);
    }
    ev_timer_stop(worker->loop, &worker->sweep);
    ev_timer_set(&worker->sweep, 0., DRAIN_SWEEP_SECONDS);
    ev_timer_start(worker->loop, &worker->sweep);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)events;
    struct evd_worker *worker = signal->data;
    if (worker->draining)
        ev_break(loop, EVBREAK_ALL); /* asked twice: at once */
    else
        start_draining(worker);
}

/* SIGUSR1: the counters, as one line of JSON on stderr. */
static void on_usr1(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)loop;
    (void)events;
    const struct evd_worker *worker = signal->data;
    struct evd_dispatch_stats stats;
    evd_dispatch_get_stats(worker->dispatch, &stats);
    (void)fprintf(stderr,
                  "{\"connections\":%zu,\"endpoints\":%zu,\"modules\":%llu,\"loads\":%llu,"
                  "\"reloads\":%llu,\"load_failures\":%llu,\"refused\":%llu,\"token_bytes\":%zu}\n",
                  worker->conns.count, evd_dispatch_endpoints(worker->dispatch),
                  (unsigned long long)stats.modules, (unsigned long long)stats.loads,
                  (unsigned long long)stats.reloads, (unsigned long long)stats.load_failures,
                  (unsigned long long)worker->refused, worker->grant_bytes);
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

static void refuse(struct evd_worker *worker, int fd)
{
    char text[200];
    int len = snprintf(text, sizeof text,
                       "{\"error\":{\"code\":\"%s\",\"message\":\"%zu connections are open, "
                       "no more are allowed (--max-connections)\"}}\n",
                       evd_status_code(EVD_ERR_BUSY), worker->config->max_connections);
    (void)!send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
}

void evd_worker_accept(struct evd_worker *worker, int fd, bool is_tcp)
{
    if (worker->conns.count >= worker->config->max_connections) {
        refuse(worker, fd);
        return;
    }
    if (is_tcp) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (evd_conn_open(worker, fd) == NULL)
        evd_log_write(worker->config->log, EVD_LOG_ERROR, "no memory for a connection");
}

static int open_loop(struct evd_worker *worker, struct evd_error *ret_error)
{
    worker->loop = ev_default_loop(EVFLAG_NOENV);
    if (worker->loop == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "libev found no way to wait for events");
    int gone = epoll_create1(EPOLL_CLOEXEC);
    if (gone < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "epoll: %s", strerror(errno));
    ev_io_init(&worker->gone, on_gone, gone, EV_READ);
    ev_io_start(worker->loop, &worker->gone);
    ev_timer_init(&worker->sweep, on_sweep, SWEEP_SECONDS, SWEEP_SECONDS);
    worker->sweep.data = worker;
    ev_signal_init(&worker->on_term, on_signal, SIGTERM);
    ev_signal_init(&worker->on_int, on_signal, SIGINT);
    ev_signal_init(&worker->on_usr1, on_usr1, SIGUSR1);
    worker->on_term.data = worker->on_int.data = worker->on_usr1.data = worker;
    int fd = evd_dispatch_watch_fd(worker->dispatch);
    if (fd >= 0) {
        ev_io_init(&worker->modules, on_modules, fd, EV_READ);
        worker->modules.data = worker;
        /* Before the sockets: a call that was sent after a module was replaced meets the new one.
         */
        ev_set_priority(&worker->modules, EV_MAXPRI);
        ev_io_start(worker->loop, &worker->modules);
    }
    /* From here on a signal is not lost, even one that comes before the loop runs. */
    ev_signal_start(worker->loop, &worker->on_term);
    ev_signal_start(worker->loop, &worker->on_int);
    ev_signal_start(worker->loop, &worker->on_usr1);
    return EVD_OK;
}

static int open_listeners(struct evd_worker *worker, struct evd_error *ret_error)
{
    const struct evd_server_config *config = worker->config;
    for (size_t i = 0; i < config->listen_count; i++) {
        int rc = evd_listener_open(&worker->listeners[i], worker, &config->listen[i],
                                   config->tcp_congestion, ret_error);
        if (rc < 0)
            return rc;
    }
    return EVD_OK;
}

int evd_worker_open(struct evd_worker *worker, const struct evd_server_config *config,
                    struct evd_error *ret_error)
{
    *worker = (struct evd_worker){.config = config, .gone.fd = -1};
    evd_buf_init(&worker->rx, EVD_RX_SIZE);
    evd_buf_init(&worker->tx, 2 * config->max_output);
    int rc = evd_conns_init(worker);
    if (rc >= 0)
        rc = evd_codec_context_init(&worker->codecs, config->max_inflated);
    if (rc < 0)
        (void)evd_error_set(ret_error, rc, "%s", evd_status_text(rc));
    if (rc >= 0)
        rc = evd_dispatch_open(&config->dispatch, &worker->dispatch, ret_error);
    if (rc >= 0)
        rc = open_loop(worker, ret_error);
    if (rc >= 0)
        rc = open_listeners(worker, ret_error);
    if (rc < 0)
        evd_worker_close(worker);
    return rc;
}

size_t evd_worker_run(struct evd_worker *worker)
{
    ev_timer_start(worker->loop, &worker->sweep);
    for (size_t i = 0; i < worker->config->listen_count; i++)
        evd_listener_start(&worker->listeners[i]);
    (void)ev_run(worker->loop, 0);
    return worker->conns.count;
}

void evd_worker_close(struct evd_worker *worker)
{
    for (size_t i = 0; i < worker->config->listen_count; i++)
        evd_listener_close(&worker->listeners[i]);
    while (worker->conns.first != NULL)
        evd_conn_close(worker->conns.first);
    evd_dispatch_close(worker->dispatch);
    evd_codec_context_release(&worker->codecs);
    evd_buf_release(&worker->rx);
    evd_buf_release(&worker->tx);
    evd_work_free(worker->work);
    if (worker->gone.fd >= 0)
        (void)close(worker->gone.fd);
    if (worker->loop != NULL)
        ev_loop_destroy(worker->loop);
    worker->loop = NULL;
}
