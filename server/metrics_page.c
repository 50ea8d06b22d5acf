#include "metrics_page.h"

#include "evd_version.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct page {
    struct evd_buf *out;
    int rc; /* the first failure */
    const struct evd_metrics_all *all;
    const struct evd_metrics *workers[EVD_METRICS_WORKERS_MAX];
    unsigned index[EVD_METRICS_WORKERS_MAX]; /* of each, among all of the process */
    unsigned worker_count;
};

/* ---- Text. ---- */

__attribute__((format(printf, 2, 3))) static void put(struct page *page, const char *format, ...)
{
    va_list arguments;
    char line[1024];
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (page->rc < 0)
        return;
    if (len < 0 || (size_t)len >= sizeof line)
        page->rc = EVD_ERR_INTERNAL;
    else
        page->rc = evd_buf_append(page->out, line, (size_t)len);
}

/* A label's value: a backslash, a quote and a line's end are escaped. */
static const char *escape(const char *text, char *out, size_t cap)
{
    size_t len = 0;
    for (; *text != '\0' && len + 3 < cap; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n') {
            out[len++] = '\\';
            out[len++] = *text == '\n' ? 'n' : *text;
        } else {
            out[len++] = *text;
        }
    }
    out[len] = '\0';
    return out;
}

static void family(struct page *page, const char *name, const char *type, const char *help)
{
    put(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Nanoseconds as seconds, exactly. */
struct seconds {
    char text[40];
};

static struct seconds to_seconds(uint64_t ns)
{
    struct seconds seconds;
    int len =
        snprintf(seconds.text, sizeof seconds.text, "%llu.%09llu",
                 (unsigned long long)(ns / 1000000000u), (unsigned long long)(ns % 1000000000u));
    while (len > 1 && seconds.text[len - 1] == '0' && seconds.text[len - 2] != '.')
        seconds.text[--len] = '\0';
    return seconds;
}

static uint64_t read_one(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* A family of one sample: the sum over the workers of the counter that stands at `offset`. */
static void total(struct page *page, const char *name, const char *type, size_t offset,
                  const char *help)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < page->worker_count; i++)
        sum += read_one(
            (const _Atomic uint64_t *)(const void *)((const char *)page->workers[i] + offset));
    family(page, name, type, help);
    put(page, "%s %llu\n", name, (unsigned long long)sum);
}

#define TOTAL(page, name, type, member, help)                                                      \
    total(page, name, type, offsetof(struct evd_metrics, member), help)

/* `labels` is not empty. buckets: of one bucket each, EVD_TIME_BUCKETS + 1. */
static void histogram(struct page *page, const char *name, const char *labels,
                      const uint64_t *buckets, uint64_t sum_ns)
{
    uint64_t count = 0;
    for (size_t i = 0; i < EVD_TIME_BUCKETS; i++) {
        count += buckets[i];
        put(page, "%s_bucket{%s,le=\"%s\"} %llu\n", name, labels,
            to_seconds(evd_time_bounds[i]).text, (unsigned long long)count);
    }
    count += buckets[EVD_TIME_BUCKETS];
    put(page, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %s\n%s_count{%s} %llu\n", name, labels,
        (unsigned long long)count, name, labels, to_seconds(sum_ns).text, name, labels,
        (unsigned long long)count);
}

/* ---- Calls, by endpoint. ---- */

/* One endpoint's, summed over the workers. */
struct row {
    const char *name;
    uint64_t calls, failed, time_ns, buckets[EVD_TIME_BUCKETS + 1];
};

static int by_name(const void *a, const void *b)
{
    const struct evd_series *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

static void add_to_row(struct row *row, const struct evd_series *series)
{
    row->name = series->name;
    row->calls += read_one(&series->calls);
    row->failed += read_one(&series->failed);
    row->time_ns += read_one(&series->time_ns);
    for (size_t i = 0; i <= EVD_TIME_BUCKETS; i++)
        row->buckets[i] += read_one(&series->buckets[i]);
}

/* The series that have been used, of all workers, one row a name. *ret_rows is freed by the caller.
 */
static int make_rows(const struct page *page, struct row **ret_rows, size_t *ret_count)
{
    size_t room = 1, used = 0, count = 0;
    for (unsigned i = 0; i < page->worker_count; i++)
        room += page->workers[i]->own + 2;
    const struct evd_series **list = malloc(room * sizeof *list);
    for (unsigned i = 0; list != NULL && i < page->worker_count; i++) {
        for (uint32_t s = 0; s < page->workers[i]->own + 2; s++) {
            const struct evd_series *series = &page->workers[i]->series[s];
            if (atomic_load_explicit(&series->named, memory_order_acquire) &&
                read_one(&series->calls) > 0)
                list[used++] = series;
        }
    }
    struct row *rows = calloc(used + 1, sizeof *rows);
    if (list == NULL || rows == NULL) {
        free((void *)list);
        free(rows);
        return EVD_ERR_NO_MEMORY;
    }
    qsort((void *)list, used, sizeof *list, by_name);
    for (size_t i = 0; i < used; i++) {
        if (i > 0 && strcmp(list[i]->name, list[i - 1]->name) != 0)
            count++;
        add_to_row(&rows[count], list[i]);
    }
    free((void *)list);
    *ret_rows = rows;
    *ret_count = used > 0 ? count + 1 : 0;
    return EVD_OK;
}

static void put_calls(struct page *page, const struct evd_server_config *config)
{
    struct row *rows;
    size_t count;
    const char *backend = config->dispatch.backend;
    int rc = make_rows(page, &rows, &count);
    if (rc < 0) {
        page->rc = rc;
        return;
    }
    family(page, "evd_calls_total", "counter", "Calls that ended, by endpoint.");
    for (size_t i = 0; i < count; i++)
        put(page, "evd_calls_total{endpoint=\"%s\",backend=\"%s\"} %llu\n", rows[i].name, backend,
            (unsigned long long)rows[i].calls);
    family(page, "evd_calls_failed_total", "counter",
           "Of these, those that were answered with an error.");
    for (size_t i = 0; i < count; i++)
        put(page, "evd_calls_failed_total{endpoint=\"%s\",backend=\"%s\"} %llu\n", rows[i].name,
            backend, (unsigned long long)rows[i].failed);
    family(page, "evd_call_duration_seconds", "histogram",
           "From the lookup of a call to its answer, of one call in evd_call_sample_interval.");
    for (size_t i = 0; i < count; i++) {
        char labels[EVD_EVENT_MAX + 80];
        (void)snprintf(labels, sizeof labels, "endpoint=\"%s\",backend=\"%.32s\"", rows[i].name,
                       backend);
        histogram(page, "evd_call_duration_seconds", labels, rows[i].buckets, rows[i].time_ns);
    }
    free(rows);
    family(page, "evd_call_sample_interval", "gauge",
           "One call in so many is timed, on average (--call-latency); 0: none.");
    put(page, "evd_call_sample_interval %u\n", config->call_latency);
}

static void put_errors(struct page *page)
{
    family(page, "evd_errors_total", "counter",
           "Errors that were answered, of calls and of messages that are none; code \"module\": "
           "codes of modules' own.");
    for (int code = 0; code < EVD_METRICS_CODES; code++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < page->worker_count; i++)
            sum += read_one(&page->workers[i]->errors[code]);
        const char *name = code == 0 ? "module" : evd_status_code(-code);
        if (code > 0 && strcmp(name, "internal") == 0 && -code != EVD_ERR_INTERNAL)
            break; /* no such status */
        put(page, "evd_errors_total{code=\"%s\"} %llu\n", name, (unsigned long long)sum);
    }
}

/* ---- The rest. ---- */

static void put_ended(struct page *page)
{
    static const char *const reasons[] = {"idle",    "write", "linger", "first_byte",
                                          "message", "call",  "memory"};
    family(page, "evd_timeouts_total", "counter",
           "Connections that were closed because a time was over (of \"call\": calls that were "
           "ended), or to relieve --max-memory.");
    for (size_t r = 0; r < sizeof reasons / sizeof *reasons; r++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < page->worker_count; i++)
            sum += read_one(&page->workers[i]->gauges.ended[r]);
        put(page, "evd_timeouts_total{limit=\"%s\"} %llu\n", reasons[r], (unsigned long long)sum);
    }
}

static void put_connections(struct page *page)
{
    family(page, "evd_connections", "gauge", "Open connections.");
    for (unsigned i = 0; i < page->worker_count; i++)
        put(page, "evd_connections{worker=\"%u\"} %llu\n", page->index[i],
            (unsigned long long)read_one(&page->workers[i]->gauges.connections));
    TOTAL(page, "evd_connections_accepted_total", "counter", accepted, "Connections taken.");
    TOTAL(page, "evd_connections_closed_total", "counter", closed,
          "Connections closed, by whoever.");
    TOTAL(page, "evd_connections_refused_total", "counter", refused,
          "Connections refused for --max-connections, or for want of descriptors or memory.");
    put_ended(page);
    TOTAL(page, "evd_received_bytes_total", "counter", bytes_in, "Bytes read from connections.");
    TOTAL(page, "evd_sent_bytes_total", "counter", bytes_out, "Bytes written to connections.");
    TOTAL(page, "evd_reads_total", "counter", reads, "Reads that brought bytes: batches of calls.");
    TOTAL(page, "evd_http_requests_total", "counter", requests,
          "HTTP requests, those that were refused included.");
    TOTAL(page, "evd_http_requests_refused_total", "counter", requests_refused,
          "HTTP requests that were none, or too large.");
    TOTAL(page, "evd_calls_cancelled_total", "counter", cancelled,
          "Calls whose peer was gone before their answer.");
    TOTAL(page, "evd_calls_unfinished", "gauge", gauges.unfinished, "Calls that wait.");
    TOTAL(page, "evd_connection_bytes", "gauge", gauges.connection_bytes,
          "Memory of connections without their buffers.");
    TOTAL(page, "evd_buffer_bytes", "gauge", gauges.buffer_bytes,
          "Memory of buffers, of connections and shared ones.");
    TOTAL(page, "evd_buffer_peak_bytes", "gauge", gauges.buffer_peak_bytes,
          "The most that connections' buffers were, and the shared ones as they are.");
}

/* Every worker has its own dispatch. What they all know alike is not added up. */
static void put_dispatch(struct page *page)
{
    uint64_t modules = 0, endpoints = 0;
    for (unsigned i = 0; i < page->worker_count; i++) {
        const struct evd_gauges *gauges = &page->workers[i]->gauges;
        uint64_t here = read_one(&gauges->modules), known = read_one(&gauges->endpoints);
        modules = here > modules ? here : modules;
        endpoints = known > endpoints ? known : endpoints;
    }
    family(page, "evd_modules", "gauge", "Modules known, loaded or not.");
    put(page, "evd_modules %llu\n", (unsigned long long)modules);
    family(page, "evd_endpoints", "gauge",
           "Endpoints known, to the worker that knows most; dynamic learns a module's with its "
           "first call.");
    put(page, "evd_endpoints %llu\n", (unsigned long long)endpoints);
    TOTAL(page, "evd_module_loads_total", "counter", gauges.loads,
          "Versions of modules that came into service, each worker's own.");
    TOTAL(page, "evd_module_reloads_total", "counter", gauges.reloads,
          "Of these, those in place of an older one.");
    TOTAL(page, "evd_module_load_failures_total", "counter", gauges.load_failures,
          "Versions of modules that could not serve.");
    TOTAL(page, "evd_instances", "gauge", gauges.instances,
          "States of modules that are open: one a module and worker; instance: one a call.");
    TOTAL(page, "evd_instances_constructed_total", "counter", gauges.constructed,
          "States of modules that were opened.");
    TOTAL(page, "evd_arena_bytes", "gauge", gauges.arena_bytes,
          "Memory of JSON trees, in use or kept for the next.");
}

static void put_loops(struct page *page)
{
    family(page, "evd_loop_turn_seconds", "histogram",
           "From a loop's waking up to its waiting again: how late an event may come to be seen.");
    for (unsigned i = 0; i < page->worker_count; i++) {
        uint64_t buckets[EVD_TIME_BUCKETS + 1];
        char labels[32];
        for (size_t b = 0; b <= EVD_TIME_BUCKETS; b++)
            buckets[b] = read_one(&page->workers[i]->turns[b]);
        (void)snprintf(labels, sizeof labels, "worker=\"%u\"", page->index[i]);
        histogram(page, "evd_loop_turn_seconds", labels, buckets,
                  read_one(&page->workers[i]->turn_ns));
    }
}

static void put_info(struct page *page, const struct evd_server_config *config)
{
    char version[128], commit[128], type[128];
    const char *backend = config->dispatch.backend, *policy = "";
    if (strcmp(backend, "dynamic") == 0)
        policy = config->dispatch.dynamic_load == EVD_LOAD_CALL ? "call" : "cached";
    else if (strcmp(backend, "instance") == 0)
        policy = config->dispatch.instance_alloc == EVD_ALLOC_POOL ? "pool" : "malloc";
    family(page, "evd_build_info", "gauge", "What runs; always 1.");
    put(page,
        "evd_build_info{version=\"%s\",commit=\"%s\",build_type=\"%s\",backend=\"%s\","
        "policy=\"%s\"} 1\n",
        escape(EVD_VERSION, version, sizeof version), escape(EVD_COMMIT, commit, sizeof commit),
        escape(EVD_BUILD_TYPE, type, sizeof type), backend, policy);
    family(page, "evd_workers", "gauge", "Workers that serve.");
    put(page, "evd_workers %u\n", page->worker_count);
}

static void put_process(struct page *page, const struct evd_process *process)
{
    family(page, "process_cpu_seconds_total", "counter",
           "Total user and system CPU time spent in seconds.");
    put(page, "process_cpu_seconds_total %s\n", to_seconds(process->cpu_ns).text);
    family(page, "process_start_time_seconds", "gauge",
           "Start time of the process since unix epoch in seconds.");
    put(page, "process_start_time_seconds %lld\n", (long long)page->all->started);
    const struct {
        const char *name, *help;
        uint64_t value;
    } gauges[] = {
        {"process_resident_memory_bytes", "Resident memory size in bytes.",
         process->resident_bytes},
        {"process_virtual_memory_bytes", "Virtual memory size in bytes.", process->virtual_bytes},
        {"process_open_fds", "Number of open file descriptors.", process->open_fds},
        {"process_max_fds", "Maximum number of open file descriptors.", process->max_fds},
        {"process_threads", "Number of OS threads in the process.", process->threads},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
        family(page, gauges[i].name, "gauge", gauges[i].help);
        put(page, "%s %llu\n", gauges[i].name, (unsigned long long)gauges[i].value);
    }
}

int evd_metrics_page(const struct evd_metrics_all *all, const struct evd_server_config *config,
                     const struct evd_process *process, struct evd_buf *out)
{
    struct page page = {.out = out, .rc = EVD_OK, .all = all};
    for (unsigned i = 0; i < EVD_METRICS_WORKERS_MAX; i++) {
        const struct evd_metrics *metrics =
            atomic_load_explicit(&all->list[i], memory_order_acquire);
        if (metrics == NULL)
            continue; /* it has not opened yet */
        page.index[page.worker_count] = i;
        page.workers[page.worker_count++] = metrics;
    }
    put_info(&page, config);
    put_calls(&page, config);
    put_errors(&page);
    put_connections(&page);
    put_dispatch(&page);
    put_loops(&page);
    put_process(&page, process);
    return page.rc;
}
