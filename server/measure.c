#include "measure.h"

#include "work.h"

#include <assert.h>
#include <stdlib.h>

static_assert(EVD_METRICS_WORKERS_MAX >= EVD_WORKERS_MAX, "a place for each worker");
static_assert(EVD_CLOCKS + 1 <= EVD_METRICS_ENDS, "a reason for which connections are ended");

int evd_measure_open(struct evd_worker *worker)
{
    const struct evd_server_config *config = worker->config;
    struct evd_measure *measure = &worker->measure;
    int rc = evd_metrics_new(config->metrics_endpoints, config->call_latency, &measure->metrics);
    if (rc >= 0)
        rc = evd_trace_open(&worker->trace, config->trace, config->log);
    measure->shared = rc >= 0 && config->metrics != NULL;
    if (measure->shared)
        evd_metrics_join(config->metrics, worker->index, measure->metrics);
    return rc;
}

void evd_measure_close(struct evd_worker *worker)
{
    struct evd_measure *measure = &worker->measure;
    if (!measure->shared)
        free(measure->metrics);
    *measure = (struct evd_measure){0};
    evd_trace_close(&worker->trace);
}

/* A turn: from waking up to waiting again. What came in meanwhile had to wait for so long. */
static void before_wait(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    (void)loop;
    (void)events;
    struct evd_measure *measure = prepare->data;
    struct evd_metrics *metrics = measure->metrics;
    if (measure->woke_ns != 0)
        evd_metrics_time(&metrics->turn_ns, metrics->turns, evd_metrics_now() - measure->woke_ns);
}

static void after_wait(struct ev_loop *loop, ev_check *check, int events)
{
    (void)loop;
    (void)events;
    struct evd_measure *measure = check->data;
    measure->woke_ns = evd_metrics_now();
}

void evd_measure_start(struct evd_worker *worker)
{
    struct evd_measure *measure = &worker->measure;
    ev_prepare_init(&measure->before_wait, before_wait);
    ev_check_init(&measure->after_wait, after_wait);
    measure->before_wait.data = measure->after_wait.data = measure;
    ev_set_priority(&measure->after_wait, EV_MAXPRI); /* before what has come is dealt with */
    ev_prepare_start(worker->loop, &measure->before_wait);
    ev_check_start(worker->loop, &measure->after_wait);
}

void evd_measure_publish(struct evd_worker *worker)
{
    const struct evd_conn_list *conns = &worker->conns;
    struct evd_metrics *metrics = worker->measure.metrics;
    struct evd_gauges *gauges = &metrics->gauges;
    struct evd_dispatch_stats stats;

    evd_dispatch_get_stats(worker->dispatch, &stats);
    evd_gauge(&gauges->connections, conns->count);
    evd_gauge(&gauges->connection_bytes, conns->count * conns->each);
    size_t shared = worker->rx.cap + worker->tx.cap + worker->work->payload.cap;
    evd_gauge(&gauges->buffer_bytes, conns->budget.held + shared);
    evd_gauge(&gauges->buffer_peak_bytes, conns->budget.peak + shared);
    evd_gauge(&gauges->unfinished, metrics->unfinished);
    for (size_t i = 0; i < EVD_CLOCKS; i++)
        evd_gauge(&gauges->ended[i], conns->expired[i]);
    evd_gauge(&gauges->ended[EVD_CLOCKS], conns->shed);
    evd_gauge(&gauges->modules, stats.modules);
    evd_gauge(&gauges->endpoints, evd_dispatch_endpoints(worker->dispatch));
    evd_gauge(&gauges->loads, stats.loads);
    evd_gauge(&gauges->reloads, stats.reloads);
    evd_gauge(&gauges->load_failures, stats.load_failures);
    evd_gauge(&gauges->constructed, stats.constructed);
    evd_gauge(&gauges->instances, stats.instances);
    evd_gauge(&gauges->arena_bytes, stats.arena_bytes);
}
