/* A result as JSON, schema evdispatch.run/1. */
#include "result.h"

#include "evd_version.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdlib.h>

/* cJSON keeps numbers as double: whole up to 2^53, which is 104 days in ns. A failed allocation
 * anywhere below leaves a member out; the caller checks `failed` once. */
struct writer {
    bool failed;
};

static void put(struct writer *writer, cJSON *object, const char *key, cJSON *value)
{
    if (value == NULL || !cJSON_AddItemToObject(object, key, value)) {
        cJSON_Delete(value);
        writer->failed = true;
    }
}

static void put_uint(struct writer *writer, cJSON *object, const char *key, uint64_t value)
{
    put(writer, object, key, cJSON_CreateNumber((double)value));
}

static void put_number(struct writer *writer, cJSON *object, const char *key, double value)
{
    put(writer, object, key, cJSON_CreateNumber(value));
}

static void put_text(struct writer *writer, cJSON *object, const char *key, const char *text)
{
    put(writer, object, key, cJSON_CreateString(text));
}

static void append(struct writer *writer, cJSON *array, cJSON *value)
{
    if (value == NULL || !cJSON_AddItemToArray(array, value)) {
        cJSON_Delete(value);
        writer->failed = true;
    }
}

/* A new object under `key`; NULL, and `failed`, without memory: the put functions bear that. */
static cJSON *open_object(struct writer *writer, cJSON *object, const char *key)
{
    cJSON *child = cJSON_AddObjectToObject(object, key);

    if (child == NULL)
        writer->failed = true;
    return child;
}

static cJSON *open_array(struct writer *writer, cJSON *object, const char *key)
{
    cJSON *child = cJSON_AddArrayToObject(object, key);

    if (child == NULL)
        writer->failed = true;
    return child;
}

static void put_head(struct writer *writer, cJSON *root, const struct lg_result *result)
{
    cJSON *build, *command;

    put_text(writer, root, "schema", "evdispatch.run/1");
    put_text(writer, root, "version", EVD_VERSION);
    put_text(writer, root, "commit", EVD_COMMIT);
    build = open_object(writer, root, "build");
    put_text(writer, build, "type", EVD_BUILD_TYPE);
    put_text(writer, build, "sanitize", EVD_BUILD_SANITIZE);
    put_text(writer, build, "compiler", EVD_COMPILER);
    command = open_array(writer, root, "command");
    append(writer, command, cJSON_CreateString("loadgen"));
    for (int i = 0; i < result->options->argc; i++)
        append(writer, command, cJSON_CreateString(result->options->argv[i]));
    put_text(writer, root, "started", result->started);
}

static void put_sources(struct writer *writer, cJSON *config, const struct lg_profile *profile)
{
    cJSON *sources = open_array(writer, config, "sources");
    char text[80];

    for (unsigned i = 0; i < profile->source_count; i++)
        append(writer, sources,
               cJSON_CreateString(evd_format_address(&profile->sources[i], text, sizeof(text))));
    put_uint(writer, config, "reconnect_every", profile->reconnect_every);
    put_uint(writer, config, "read_rate", profile->read_rate);
}

static void put_config(struct writer *writer, cJSON *root, const struct lg_result *result)
{
    const struct lg_run_options *options = result->options;
    cJSON *config = open_object(writer, root, "config"), *cpus, *rates;
    char seed[24];

    snprintf(seed, sizeof(seed), "%" PRIu64, options->seed);
    put_text(writer, config, "target", options->target);
    put_text(writer, config, "transport", options->transport->name);
    put_text(writer, config, "scenario", options->scenario);
    put_text(writer, config, "arm", options->arm == NULL ? "" : options->arm);
    put_text(writer, config, "encoding", options->encoding == NULL ? "" : options->encoding->name);
    put_text(writer, config, "mode", options->closed ? "closed" : "open");
    put_number(writer, config, "rate", (double)options->rate / LG_RATE_UNIT);
    put_text(writer, config, "rate_shape", lg_rate_shape(options));
    rates = open_array(writer, config, "rates");
    for (unsigned i = 0; i < options->rate_count; i++)
        append(writer, rates, cJSON_CreateNumber((double)options->rates[i] / LG_RATE_UNIT));
    put_text(writer, config, "arrivals",
             options->closed ? "closed" : lg_arrivals_name(options->arrivals));
    put_uint(writer, config, "burst_on_ns", options->burst_on_ns);
    put_uint(writer, config, "burst_off_ns", options->burst_off_ns);
    put_uint(writer, config, "connections", options->connections);
    put_uint(writer, config, "depth", options->depth);
    put_uint(writer, config, "threads", options->threads);
    put_uint(writer, config, "warmup_ns", options->warmup_ns);
    put_uint(writer, config, "duration_ns", options->duration_ns);
    put_uint(writer, config, "timeout_ns", options->timeout_ns);
    put_uint(writer, config, "drain_ns", options->drain_ns);
    put(writer, config, "retry", cJSON_CreateBool(options->retry));
    put_uint(writer, config, "spin_ns", options->spin_ns);
    put_text(writer, config, "seed", seed);
    put_text(writer, config, "congestion", result->congestion);
    cpus = open_array(writer, config, "cpus");
    for (unsigned i = 0; i < options->cpu_count; i++)
        append(writer, cpus, cJSON_CreateNumber(options->cpus[i]));
    put_sources(writer, config, &options->profile);
}

static void put_scenario(struct writer *writer, cJSON *root, const struct lg_scenario *scenario)
{
    cJSON *object = open_object(writer, root, "scenario");

    put_text(writer, object, "name", scenario->name);
    put_text(writer, object, "payloads", scenario->payloads);
    put_uint(writer, object, "requests", scenario->count);
    put_uint(writer, object, "endpoints", scenario->endpoints);
    put_number(writer, object, "request_bytes_mean", scenario->payload_mean);
}

static void put_account(struct writer *writer, cJSON *root, const char *key,
                        const struct lg_account *account)
{
    cJSON *object = open_object(writer, root, key);

    put_uint(writer, object, "scheduled", account->scheduled);
    for (int i = 0; i < LG_OUTCOMES; i++)
        put_uint(writer, object, lg_outcome_key((enum lg_outcome)i), account->outcomes[i]);
}

static void put_histogram(struct writer *writer, cJSON *root, const char *key,
                          const struct lg_histogram *h)
{
    cJSON *object = open_object(writer, root, key), *buckets;

    put_uint(writer, object, "count", h->count);
    put_uint(writer, object, "min", h->count == 0 ? 0 : h->min);
    put_number(writer, object, "mean", lg_histogram_mean(h));
    put_uint(writer, object, "p50", lg_histogram_quantile(h, 0.5));
    put_uint(writer, object, "p90", lg_histogram_quantile(h, 0.9));
    put_uint(writer, object, "p99", lg_histogram_quantile(h, 0.99));
    put_uint(writer, object, "p99_9", lg_histogram_quantile(h, 0.999));
    put_uint(writer, object, "max", h->max);
    buckets = open_array(writer, object, "histogram");
    for (size_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        const double pair[] = {(double)lg_histogram_lowest(i), (double)h->counts[i]};

        if (h->counts[i] > 0)
            append(writer, buckets, cJSON_CreateDoubleArray(pair, 2));
    }
}

static void put_server(struct writer *writer, cJSON *root, const struct lg_result *result)
{
    cJSON *server;

    if (!result->server_sampled) {
        put(writer, root, "server", cJSON_CreateNull());
        return;
    }
    server = open_object(writer, root, "server");
    put_uint(writer, server, "pid", (uint64_t)result->options->server_pid);
    put_uint(writer, server, "cpu_ns", result->server.cpu_ns);
    put_uint(writer, server, "cpu_user_ns", result->server.user_ns);
    put_uint(writer, server, "cpu_system_ns", result->server.system_ns);
    put_uint(writer, server, "rss_bytes", result->server_memory.rss_bytes);
    put_uint(writer, server, "rss_peak_bytes", result->server_memory.rss_peak_bytes);
    put_uint(writer, server, "pss_bytes", result->server_memory.pss_bytes);
    put_uint(writer, server, "context_switches", result->server.context_switches);
    put_uint(writer, server, "minor_faults", result->server.minor_faults);
    put_uint(writer, server, "major_faults", result->server.major_faults);
    put_uint(writer, server, "cpu_wait_ns", result->server.wait_ns);
    if (result->syscalls_counted)
        put_uint(writer, server, "system_calls", result->server_syscalls);
    else
        put(writer, server, "system_calls", cJSON_CreateNull());
    put_text(writer, server, "system_calls_error", result->syscalls_error);
    put_uint(writer, server, "calls", result->server_calls);
}

static void put_metrics(struct writer *writer, cJSON *root, const struct lg_result *result)
{
    const struct lg_metrics *metrics = &result->metrics;
    cJSON *object;

    if (!result->metrics_sampled) {
        put(writer, root, "server_metrics", cJSON_CreateNull());
    } else {
        object = open_object(writer, root, "server_metrics");
#define LG_METRIC_PUT(member, key, family) put_uint(writer, object, key, metrics->member);
        LG_METRIC_MAP(LG_METRIC_PUT)
#undef LG_METRIC_PUT
    }
    put_text(writer, root, "server_metrics_error", result->metrics_error);
}

static void put_wire(struct writer *writer, cJSON *root, cJSON *latency,
                     const struct lg_result *result)
{
    uint64_t one_in = lg_wire_one_in(result->options);
    cJSON *object;

    if (one_in == 0 || *result->wire_off != '\0')
        put(writer, latency, "wire", cJSON_CreateNull());
    else
        put_histogram(writer, latency, "wire", &result->wire);
    object = open_object(writer, root, "wire_timestamps");
    put_uint(writer, object, "one_in", one_in);
    put_uint(writer, object, "lost", result->wire_lost);
    put_text(writer, object, "error", result->wire_off);
}

static void put_censored(struct writer *writer, cJSON *root, const struct lg_result *result)
{
    static const struct {
        double q;
        const char *name;
    } figures[] = {{0.5, "p50"}, {0.9, "p90"}, {0.99, "p99"}, {0.999, "p99_9"}, {1, "max"}};
    cJSON *object = open_object(writer, root, "censored"), *bounds;

    put_uint(writer, object, "count", result->censored.count);
    for (int i = 0; i < LG_OUTCOMES; i++)
        if (lg_outcome_is_censored((enum lg_outcome)i))
            put_uint(writer, object, lg_outcome_key((enum lg_outcome)i),
                     result->accounts[LG_MEASURED].outcomes[i]);
    bounds = open_array(writer, object, "lower_bounds");
    for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++)
        if (lg_result_is_lower_bound(result, figures[i].q))
            append(writer, bounds, cJSON_CreateString(figures[i].name));
}

/* Of those that have too few values, none. */
static cJSON *quantile_or_null(const struct lg_histogram *h, double q)
{
    return h->count < lg_histogram_needed(q)
               ? cJSON_CreateNull()
               : cJSON_CreateNumber((double)lg_histogram_quantile(h, q));
}

static void put_quantile(struct writer *writer, cJSON *object, const char *key,
                         const struct lg_histogram *h, double q)
{
    put(writer, object, key, quantile_or_null(h, q));
}

/* Of each of LG_BLOCKS equal parts of the window, by when a request was due. None of a closed loop,
 * where nothing is due, nor where the parts differ by more than time: another rate, or cut short.
 */
static void put_over_time(struct writer *writer, cJSON *latency, const struct lg_result *result)
{
    cJSON *object, *counts, *medians, *tails, *most;

    if (result->options->closed || result->options->rate_count > 1 || result->interrupted != 0) {
        put(writer, latency, "over_time", cJSON_CreateNull());
        return;
    }
    object = open_object(writer, latency, "over_time");
    counts = open_array(writer, object, "count");
    medians = open_array(writer, object, "p50");
    tails = open_array(writer, object, "p99");
    most = open_array(writer, object, "max");
    for (int i = 0; i < LG_BLOCKS; i++) {
        const struct lg_histogram *part = &result->blocks[i];

        append(writer, counts, cJSON_CreateNumber((double)part->count));
        append(writer, medians, quantile_or_null(part, 0.5));
        append(writer, tails, quantile_or_null(part, 0.99));
        append(writer, most,
               part->count == 0 ? cJSON_CreateNull() : cJSON_CreateNumber((double)part->max));
    }
}

static void put_quantiles(struct writer *writer, cJSON *root, const struct lg_result *result)
{
    cJSON *list = open_array(writer, root, "quantiles");

    for (unsigned i = 0; i < result->options->quantile_count; i++) {
        double q = result->options->quantiles[i];
        cJSON *object = cJSON_CreateObject();

        put_number(writer, object, "quantile", q);
        put_uint(writer, object, "needed", lg_histogram_needed(q));
        put_quantile(writer, object, "response_ns", &result->response, q);
        put_quantile(writer, object, "service_ns", &result->service, q);
        put_quantile(writer, object, "lateness_ns", &result->lateness, q);
        put_quantile(writer, object, "woke_late_ns", &result->woke_late, q);
        put_quantile(writer, object, "no_free_slot_ns", &result->no_free_slot, q);
        put_quantile(writer, object, "wire_ns", &result->wire, q);
        append(writer, list, object);
    }
}

static void put_bystanders(struct writer *writer, cJSON *root, const struct lg_result *result)
{
    cJSON *all = open_object(writer, root, "bystanders");

    for (int kind = 0; kind < LG_BYSTANDERS; kind++) {
        const struct lg_bystander_counts *counts = &result->bystanders[kind];
        cJSON *object = open_object(writer, all, lg_bystander_key((enum lg_bystander)kind));

        put_uint(writer, object, "wanted", result->options->profile.bystanders[kind]);
        put_uint(writer, object, "made", counts->made);
        put_uint(writer, object, "ended", counts->ended);
        put_uint(writer, object, "failed", counts->failed);
        put_uint(writer, object, "open", counts->open);
        put_uint(writer, object, "sent_bytes", counts->sent_bytes);
        put_uint(writer, object, "received_bytes", counts->received_bytes);
    }
}

static void put_figures(struct writer *writer, cJSON *root, const struct lg_result *result)
{
    cJSON *object;

    put_uint(writer, root, "measured_ns", result->measured_ns);
    put_account(writer, root, "accounting", &result->accounts[LG_MEASURED]);
    put_account(writer, root, "warmup_accounting", &result->accounts[LG_WARMUP]);
    put_uint(writer, root, "reconnects", result->reconnects);
    put_uint(writer, root, "resent", result->resent);
    put_uint(writer, root, "renewed", result->renewed);
    put_bystanders(writer, root, result);
    put_number(writer, root, "throughput", result->throughput);
    object = open_object(writer, root, "latency_ns");
    put_histogram(writer, object, "response", &result->response);
    put_histogram(writer, object, "service", &result->service);
    put_histogram(writer, object, "lateness", &result->lateness);
    put_histogram(writer, object, "woke_late", &result->woke_late);
    put_histogram(writer, object, "no_free_slot", &result->no_free_slot);
    put_histogram(writer, object, "censored", &result->censored);
    put_wire(writer, root, object, result);
    put_over_time(writer, object, result);
    put_censored(writer, root, result);
    put_quantiles(writer, root, result);
    object = open_object(writer, root, "bytes");
    put_uint(writer, object, "sent", result->sent_bytes);
    put_uint(writer, object, "received", result->received_bytes);
    object = open_object(writer, root, "client");
    put_uint(writer, object, "cpu_user_ns", result->client_user_ns);
    put_uint(writer, object, "cpu_system_ns", result->client_system_ns);
    put_uint(writer, object, "cpu_spun_ns", result->client_spun_ns);
    put_number(writer, object, "cpu_share", result->client_share);
    put_number(writer, object, "cpu_share_max", result->client_share_max);
    put_uint(writer, object, "cpu_wait_ns", result->client_wait_ns);
    put_server(writer, root, result);
    put_metrics(writer, root, result);
    object = open_object(writer, root, "host");
    put_number(writer, object, "steal_share", result->steal_share);
}

static void put_judgement(struct writer *writer, cJSON *root, const struct lg_result *result)
{
    cJSON *object;

    put(writer, root, "valid", cJSON_CreateBool(result->invalid_count == 0));
    object = open_array(writer, root, "invalid");
    for (unsigned i = 0; i < result->invalid_count; i++)
        append(writer, object, cJSON_CreateString(result->invalid[i]));
    object = open_array(writer, root, "invalid_causes");
    for (unsigned i = 0; i < result->invalid_count; i++)
        append(writer, object, cJSON_CreateString(result->invalid_causes[i]));
    put_text(writer, root, "note", result->note);
    if (*result->first_bad.event == '\0') {
        put(writer, root, "first_bad", cJSON_CreateNull());
        return;
    }
    object = open_object(writer, root, "first_bad");
    put_text(writer, object, "event", result->first_bad.event);
    put_text(writer, object, "expected", result->first_bad.expected);
    put_text(writer, object, "got", result->first_bad.got);
}

int lg_result_json(const struct lg_result *result, FILE *out)
{
    cJSON *root = cJSON_CreateObject();
    struct writer writer = {.failed = root == NULL};
    char *text = NULL;
    int rc = EVD_OK;

    put_head(&writer, root, result);
    put_config(&writer, root, result);
    put_scenario(&writer, root, result->scenario);
    put_figures(&writer, root, result);
    put_judgement(&writer, root, result);
    if (!writer.failed)
        text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    if (text == NULL)
        return EVD_ERR_NO_MEMORY;
    if (fprintf(out, "%s\n", text) < 0)
        rc = EVD_ERR_SYSTEM;
    free(text);
    return rc;
}
