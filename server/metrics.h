/* What a worker counts. Each worker has its own, which only it writes, by plain adds in cache lines
 * of its own; any worker reads those of all when somebody asks. No lock, no read-modify-write:
 * atomics are there so that a reader sees whole numbers.
 *
 * Memory: (own endpoints + 2) x 512 bytes a worker, and 1 KiB. */
#ifndef EVD_METRICS_H
#define EVD_METRICS_H

#include "dispatch/dispatch.h"

#include <stdalign.h>
#include <stdatomic.h>

#define EVD_METRICS_WORKERS_MAX 256
#define EVD_METRICS_CODES       32 /* of errors */
#define EVD_METRICS_ENDS        8  /* reasons for which the server ends a connection or a call */

/* Upper bounds of the buckets of times, in nanoseconds; behind them one for all that is longer. */
#define EVD_TIME_BUCKETS 20
extern const uint64_t evd_time_bounds[EVD_TIME_BUCKETS];

/* Calls of one endpoint. */
struct evd_series {
    alignas(64) _Atomic uint64_t calls, failed;
    _Atomic uint64_t time_ns;                       /* of those that were timed */
    _Atomic uint64_t buckets[EVD_TIME_BUCKETS + 1]; /* timed calls, each in one bucket */
    _Atomic bool named;                             /* name is written, and stays */
    char name[EVD_EVENT_MAX + 1];
};

/* What is no count, but stands somewhere: the worker writes it down now and then. */
struct evd_gauges {
    _Atomic uint64_t connections, connection_bytes, unfinished;
    _Atomic uint64_t buffer_bytes, buffer_peak_bytes;
    _Atomic uint64_t modules, endpoints, loads, reloads, load_failures, constructed, instances;
    _Atomic uint64_t arena_bytes;
    _Atomic uint64_t ended[EVD_METRICS_ENDS]; /* by enum evd_clock, then: to relieve the memory */
};

struct evd_metrics {
    alignas(64) _Atomic uint64_t reads, bytes_in, bytes_out;
    _Atomic uint64_t accepted, closed, refused;
    _Atomic uint64_t requests, requests_refused; /* HTTP */
    _Atomic uint64_t cancelled;                  /* calls whose peer was gone */
    _Atomic uint64_t errors[EVD_METRICS_CODES];  /* by -status; 0: a code of a module's own */

    _Atomic uint64_t turn_ns; /* of the loop, from waking up to waiting again */
    _Atomic uint64_t turns[EVD_TIME_BUCKETS + 1];

    struct evd_gauges gauges;

    /* The worker's alone. */
    uint32_t every, until_timed; /* calls; every 0: none is timed */
    uint64_t random;
    uint64_t unfinished; /* calls that wait */
    bool failed;         /* an error was answered, since this was last cleared */
    uint8_t code;        /* then: which, as an index of errors */

    uint32_t own; /* endpoints that have a series of their own */
    /* [0] calls of no endpoint, [1 ... own] the endpoints by their number, [own + 1] all others */
    struct evd_series series[];
};

/* All workers'. Zero is valid: none. */
struct evd_metrics_all {
    int64_t started; /* Unix time in seconds */
    _Atomic(struct evd_metrics *) list[EVD_METRICS_WORKERS_MAX];
};

/* own: endpoints with a series of their own; every: one call in so many is timed, 0: none; 1: all.
 * EVD_ERR_NO_MEMORY. Released by free(), when nobody reads any more. */
int evd_metrics_new(size_t own, uint32_t every, struct evd_metrics **ret_metrics);

/* Lets all readers of *all see them, as those of this worker; they are freed by
 * evd_metrics_release(), when no worker is left. index: below EVD_METRICS_WORKERS_MAX. */
void evd_metrics_join(struct evd_metrics_all *all, unsigned index, struct evd_metrics *metrics);
void evd_metrics_release(struct evd_metrics_all *all);

static inline void evd_count(_Atomic uint64_t *counter, uint64_t more)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + more, memory_order_relaxed);
}

static inline void evd_gauge(_Atomic uint64_t *gauge, uint64_t value)
{
    atomic_store_explicit(gauge, value, memory_order_relaxed);
}

/* The monotonic clock in nanoseconds. */
uint64_t evd_metrics_now(void);

/* A time into its bucket, and to the sum. */
void evd_metrics_time(_Atomic uint64_t *sum, _Atomic uint64_t *buckets, uint64_t ns);

/* Before a call: the time, if this call is one that is timed; 0 if not. */
uint64_t evd_metrics_sample(struct evd_metrics *metrics);
static inline uint64_t evd_metrics_begin(struct evd_metrics *metrics)
{
    metrics->failed = false;
    return --metrics->until_timed > 0 ? 0 : evd_metrics_sample(metrics);
}

/* An error was answered, of a call or of a message that is none. */
void evd_metrics_error(struct evd_metrics *metrics, struct evd_slice code);

/* "ok", or what stands in evd_errors_total for the last error. */
const char *evd_metrics_outcome(const struct evd_metrics *metrics);

/* A call has ended. number: of struct evd_target; event: its name, if it has one; began_ns: what
 * evd_metrics_begin() said. */
void evd_metrics_name(struct evd_series *series, struct evd_slice event); /* unless it has one */
static inline void evd_metrics_end(struct evd_metrics *metrics, uint32_t number,
                                   struct evd_slice event, uint64_t began_ns)
{
    struct evd_series *series =
        &metrics->series[number <= metrics->own ? number : metrics->own + 1];
    uint64_t before = atomic_load_explicit(&series->calls, memory_order_relaxed);
    atomic_store_explicit(&series->calls, before + 1, memory_order_relaxed);
    if (metrics->failed)
        evd_count(&series->failed, 1);
    if (before == 0) /* else it has its name, which lies in another cache line */
        evd_metrics_name(series, event);
    if (began_ns > 0)
        evd_metrics_time(&series->time_ns, series->buckets, evd_metrics_now() - began_ns);
}

#endif
