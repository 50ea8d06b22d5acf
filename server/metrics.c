#include "metrics.h"

#include <stdlib.h>
#include <time.h>

/* From what a call costs without a function's work, to what somebody waits for. */
const uint64_t evd_time_bounds[EVD_TIME_BUCKETS] = {
    250,      500,      1000,      2500,      5000,       10000,      25000,
    50000,    100000,   250000,    500000,    1000000,    2500000,    5000000,
    10000000, 25000000, 100000000, 250000000, 1000000000, 5000000000,
};

static void set_name(struct evd_series *series, struct evd_slice name)
{
    memcpy(series->name, name.ptr, name.len);
    series->name[name.len] = '\0';
    atomic_store_explicit(&series->named, true, memory_order_release);
}

int evd_metrics_new(size_t own, uint32_t every, struct evd_metrics **ret_metrics)
{
    void *memory;
    size_t size = sizeof(struct evd_metrics) + (own + 2) * sizeof(struct evd_series);
    if (posix_memalign(&memory, alignof(struct evd_metrics), size) != 0)
        return EVD_ERR_NO_MEMORY;
    memset(memory, 0, size);
    struct evd_metrics *metrics = memory;
    metrics->own = (uint32_t)own;
    metrics->every = every;
    metrics->until_timed = 1;
    metrics->random = (uint64_t)(uintptr_t)memory | 1;
    set_name(&metrics->series[0], EVD_SLICE("none"));
    set_name(&metrics->series[own + 1], EVD_SLICE("other"));
    *ret_metrics = metrics;
    return EVD_OK;
}

void evd_metrics_join(struct evd_metrics_all *all, unsigned index, struct evd_metrics *metrics)
{
    atomic_store_explicit(&all->list[index], metrics, memory_order_release);
}

void evd_metrics_release(struct evd_metrics_all *all)
{
    for (size_t i = 0; i < EVD_METRICS_WORKERS_MAX; i++)
        free(atomic_exchange(&all->list[i], NULL));
}

uint64_t evd_metrics_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void evd_metrics_time(_Atomic uint64_t *sum, _Atomic uint64_t *buckets, uint64_t ns)
{
    size_t low = 0, high = EVD_TIME_BUCKETS; /* the first bound that is not below ns */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (evd_time_bounds[middle] < ns)
            low = middle + 1;
        else
            high = middle;
    }
    evd_count(&buckets[low], 1);
    evd_count(sum, ns);
}

/* The gaps are drawn, between 1 and 2 x every - 1, so that calls that come in a pattern are not
 * timed in a pattern. xorshift64 (Marsaglia 2003). */
uint64_t evd_metrics_sample(struct evd_metrics *metrics)
{
    uint64_t x = metrics->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    metrics->random = x;
    if (metrics->every == 0) {
        metrics->until_timed = UINT32_MAX;
        return 0;
    }
    metrics->until_timed = 1 + (uint32_t)((x >> 32) % (2 * (uint64_t)metrics->every - 1));
    return evd_metrics_now();
}

void evd_metrics_error(struct evd_metrics *metrics, struct evd_slice code)
{
    uint8_t index = 0;
    for (int i = 1; i < EVD_METRICS_CODES && index == 0; i++) {
        if (evd_slice_equal(code, evd_slice_text(evd_status_code(-i))))
            index = (uint8_t)i;
    }
    metrics->failed = true;
    metrics->code = index;
    evd_count(&metrics->errors[index], 1);
}

const char *evd_metrics_outcome(const struct evd_metrics *metrics)
{
    if (!metrics->failed)
        return "ok";
    return metrics->code == 0 ? "module" : evd_status_code(-(int)metrics->code);
}

void evd_metrics_name(struct evd_series *series, struct evd_slice event)
{
    bool named = atomic_load_explicit(&series->named, memory_order_relaxed);
    if (!named && event.len <= EVD_EVENT_MAX) /* as every endpoint's name is */
        set_name(series, event);
}
