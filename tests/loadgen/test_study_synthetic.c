#include "test_study_synthetic.h"

#include "loadgen/histogram.h"
#include "loadgen/rng.h"
#include "loadgen/study_json.h"
#include "loadgen/study_order.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *folder_make(void)
{
    char path[TEST_SCRATCH_MAX];
    test_scratch_folder(path);
    char *folder = strdup(path);
    assert_non_null(folder);
    return folder;
}

void folder_remove(char *folder)
{
    assert_int_equal(test_scratch_remove(folder), 0);
    free(folder);
}

static FILE *open_in(const char *folder, const char *name, const char *mode)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, mode);
    if (!file)
        print_error("cannot open %s\n", path);
    assert_non_null(file);
    return file;
}

char *file_read(const char *folder, const char *name)
{
    FILE *file = open_in(folder, name, "r");
    char *text = NULL;
    size_t cap = 0;
    ssize_t len = getdelim(&text, &cap, '\0', file);
    fclose(file);
    assert_true(len > 0);
    return text;
}

void file_write(const char *folder, const char *name, const char *text)
{
    FILE *file = open_in(folder, name, "w");
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Standard normal: Box and Muller. */
static double normal(struct lg_rng *rng)
{
    double radius = sqrt(-2 * log(lg_rng_unit(rng)));
    return radius * cos(2 * 3.14159265358979323846 * lg_rng_unit(rng));
}

static cJSON *histogram_json(const struct lg_histogram *h)
{
    cJSON *out = cJSON_CreateObject(), *list;
    cJSON_AddNumberToObject(out, "count", (double)h->count);
    cJSON_AddNumberToObject(out, "min", (double)h->min);
    cJSON_AddNumberToObject(out, "mean", lg_histogram_mean(h));
    cJSON_AddNumberToObject(out, "p50", (double)lg_histogram_quantile(h, 0.5));
    cJSON_AddNumberToObject(out, "p90", (double)lg_histogram_quantile(h, 0.9));
    cJSON_AddNumberToObject(out, "p99", (double)lg_histogram_quantile(h, 0.99));
    cJSON_AddNumberToObject(out, "p99_9", (double)lg_histogram_quantile(h, 0.999));
    cJSON_AddNumberToObject(out, "max", (double)h->max);
    list = cJSON_AddArrayToObject(out, "histogram");
    for (size_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        if (h->counts[i] == 0)
            continue;
        cJSON *pair = cJSON_CreateArray();
        cJSON_AddItemToArray(pair, cJSON_CreateNumber((double)lg_histogram_lowest(i)));
        cJSON_AddItemToArray(pair, cJSON_CreateNumber((double)h->counts[i]));
        cJSON_AddItemToArray(list, pair);
    }
    return out;
}

/* Latencies around `typical` ns with a long tail. */
static cJSON *latency_json(struct lg_rng *rng, double typical, unsigned calls)
{
    struct lg_histogram histogram;
    lg_histogram_init(&histogram);
    for (unsigned i = 0; i < calls; i++) {
        double tail = lg_rng_unit(rng) < 0.02 ? 3 + 4 * lg_rng_unit(rng) : 1;
        lg_histogram_record(&histogram, (uint64_t)(typical * tail * exp(0.25 * normal(rng))));
    }
    return histogram_json(&histogram);
}

/* What differs between two trials. */
struct numbers {
    bool closed, webhooks, bad, invalid, parts, over_time;
    size_t arm;
    unsigned block; /* from 0 */
    double rate, cpu_ns, latency_ns;
    unsigned calls;
};

static void add_accounting(cJSON *run, const struct numbers *n, double ok)
{
    static const char *const none[] = {"timeout", "reset", "eof", "refused", "unsent"};
    cJSON *sums = cJSON_AddObjectToObject(run, "accounting");
    double bad = n->bad ? 3 : 0, in_flight = n->closed ? 1024 : 0;
    cJSON_AddNumberToObject(sums, "scheduled", ok + bad + in_flight);
    cJSON_AddNumberToObject(sums, "ok", ok);
    cJSON_AddNumberToObject(sums, "bad", bad);
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        cJSON_AddNumberToObject(sums, none[i], 0);
    cJSON_AddNumberToObject(sums, "in_flight", in_flight);
}

static void add_server(cJSON *run, const struct numbers *n, double calls)
{
    cJSON *server = cJSON_AddObjectToObject(run, "server");
    cJSON_AddNumberToObject(server, "cpu_ns", floor(n->cpu_ns * calls));
    cJSON_AddNumberToObject(server, "calls", calls);
    cJSON_AddNumberToObject(server, "rss_peak_bytes", 4.5e6 + 1e5 * n->webhooks);
    cJSON_AddNumberToObject(server, "pss_bytes", 2.1e6 + 1e5 * n->webhooks);
}

/* 100 µs in all. */
static void add_parts(cJSON *latency)
{
    static const struct {
        const char *name;
        double mean;
    } parts[] = {{"lateness", 30000},
                 {"service", 70000},
                 {"woke_late", 10000},
                 {"no_free_slot", 20000},
                 {"wire", 40000}};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        cJSON *part = cJSON_AddObjectToObject(latency, parts[i].name);
        cJSON_AddNumberToObject(part, "count", 500);
        cJSON_AddNumberToObject(part, "mean", parts[i].mean);
    }
}

static void add_over_time(cJSON *latency, const struct numbers *n)
{
    enum { PARTS = 20 };
    double whole = 50000 + 1000 * (double)n->arm + 100 * n->block;
    cJSON *response = cJSON_GetObjectItem(latency, "response");
    cJSON *over_time = cJSON_AddObjectToObject(latency, "over_time");
    cJSON *counts = cJSON_AddArrayToObject(over_time, "count"),
          *medians = cJSON_AddArrayToObject(over_time, "p50"),
          *tails = cJSON_AddArrayToObject(over_time, "p99"),
          *most = cJSON_AddArrayToObject(over_time, "max");
    cJSON_SetNumberValue(cJSON_GetObjectItem(response, "p50"), whole);
    for (unsigned k = 0; k < PARTS; k++) {
        double factor = n->arm == 2 && k == 0 ? 1.25 : n->arm == 1 && k == PARTS - 1 ? 0.9 : 1;
        bool none = n->arm == 3 && k == 1;
        unsigned count = n->calls / PARTS + (k < n->calls % PARTS ? 1 : 0);
        cJSON_AddItemToArray(counts, cJSON_CreateNumber(count));
        cJSON_AddItemToArray(medians,
                             none ? cJSON_CreateNull() : cJSON_CreateNumber(whole * factor));
        cJSON_AddItemToArray(tails, cJSON_CreateNull());
        cJSON_AddItemToArray(most, cJSON_CreateNumber(2 * whole));
    }
}

static cJSON *run_json(struct lg_rng *rng, const struct numbers *n)
{
    cJSON *run = cJSON_CreateObject(), *config, *scenario, *latency, *invalid;
    double ok = floor(n->rate);
    cJSON_AddStringToObject(run, "schema", "evdispatch.run/1");
    config = cJSON_AddObjectToObject(run, "config");
    cJSON_AddStringToObject(config, "mode", n->closed ? "closed" : "open");
    cJSON_AddNumberToObject(config, "rate", n->closed ? 0 : 2000);
    cJSON_AddNumberToObject(config, "connections", n->closed ? 64 : 16);
    cJSON_AddNumberToObject(config, "depth", n->closed ? 16 : 4);
    scenario = cJSON_AddObjectToObject(run, "scenario");
    cJSON_AddStringToObject(scenario, "payloads",
                            n->webhooks ? "@octokit/webhooks-examples 7.6.1" : "inline");
    cJSON_AddNumberToObject(scenario, "requests", n->webhooks ? 329 : 1);
    cJSON_AddNumberToObject(scenario, "endpoints", n->webhooks ? 161 : 1);
    cJSON_AddNumberToObject(scenario, "request_bytes_mean", n->webhooks ? 8612 : 9);
    add_accounting(run, n, ok);
    cJSON_AddNumberToObject(run, "throughput", n->rate);
    latency = cJSON_AddObjectToObject(run, "latency_ns");
    cJSON_AddItemToObject(latency, "response", latency_json(rng, n->latency_ns, n->calls));
    if (n->parts)
        add_parts(latency);
    if (n->over_time && n->closed)
        cJSON_AddNullToObject(latency, "over_time");
    else if (n->over_time)
        add_over_time(latency, n);
    add_server(run, n, ok);
    cJSON_AddNumberToObject(cJSON_AddObjectToObject(run, "host"), "steal_share", 0.002);
    cJSON_AddBoolToObject(run, "valid", !n->invalid);
    invalid = cJSON_AddArrayToObject(run, "invalid");
    if (n->invalid)
        cJSON_AddItemToArray(invalid, cJSON_CreateString("the generator was late: <3 ms>"));
    return run;
}

static cJSON *line_json(struct lg_rng *rng, const struct lg_design *design,
                        const struct synthetic *options, unsigned number, unsigned block,
                        size_t cell)
{
    size_t arm = cell % design->arm_count, pair = cell / design->arm_count;
    size_t load = pair % design->load_count, scenario = pair / design->load_count;
    double other = scenario == 1 ? options->rate_webhooks[arm] : 0;
    double rate = (other > 0 ? other : options->rate[arm]) * exp(options->noise * normal(rng)) *
                  pow(1 + options->drift, (double)block);
    struct numbers n = {.closed = load == 0,
                        .webhooks = scenario == 1,
                        .bad = number == options->bad_trial,
                        .invalid = options->all_invalid || number == options->invalid_trial,
                        .parts = options->parts && load != 0,
                        .over_time = options->over_time,
                        .arm = arm,
                        .block = block,
                        .calls = options->calls};
    double base = n.webhooks ? 180000 : 1200000;
    n.rate = n.closed ? base * rate : 2000;
    n.cpu_ns = 1e9 / (base * rate) * 0.95 + (n.closed ? 0 : 12000);
    n.latency_ns = 80000 + n.cpu_ns * 1.3;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddNumberToObject(line, "trial", number);
    cJSON_AddNumberToObject(line, "block", block + 1);
    cJSON_AddStringToObject(line, "arm", design->arms[arm].name);
    cJSON_AddStringToObject(line, "scenario", design->scenarios[scenario]);
    cJSON_AddStringToObject(line, "load", design->loads[load].name);
    cJSON_AddNumberToObject(line, "startup_ns", 2e6 + 1e5 * normal(rng));
    if (n.bad)
        cJSON_AddStringToObject(line, "problem", "3 bad replies of 2003");
    else
        cJSON_AddNullToObject(line, "problem");
    cJSON_AddItemToObject(line, "run", run_json(rng, &n));
    return line;
}

static cJSON *order_json(const struct lg_design *design, const struct synthetic *options)
{
    cJSON *out = cJSON_CreateArray();
    size_t order[64];
    assert_true(lg_design_cells(design) <= sizeof(order) / sizeof(*order));
    for (unsigned block = 0; block < options->blocks; block++) {
        cJSON *cells = cJSON_CreateArray();
        lg_order_block(design, options->seed, block, order);
        for (size_t i = 0; i < lg_design_cells(design); i++)
            cJSON_AddItemToArray(cells, cJSON_CreateNumber((double)order[i]));
        cJSON_AddItemToArray(out, cells);
    }
    return out;
}

static void write_about(const char *folder, struct lg_design *design,
                        const struct synthetic *options)
{
    cJSON *about = cJSON_CreateObject(), *machine, *pinning, *build;
    cJSON_AddStringToObject(about, "schema", "evdispatch.study/1");
    cJSON_AddStringToObject(about, "command", "loadgen study quick --out synthetic");
    cJSON_AddStringToObject(about, "seed", "1");
    cJSON_AddStringToObject(about, "started", "2026-11-23T22:00:00Z");
    cJSON_AddStringToObject(about, "finished", "2026-11-23T22:02:20Z");
    cJSON_AddStringToObject(about, "version", "0.1.0");
    cJSON_AddStringToObject(about, "commit", "0123456789ab");
    cJSON_AddStringToObject(about, "server_version", "evd-server 0.1.0");
    build = cJSON_AddObjectToObject(about, "build");
    cJSON_AddStringToObject(build, "type", "RelWithDebInfo");
    cJSON_AddStringToObject(build, "compiler", "GNU 12.2.0");
    machine = cJSON_AddObjectToObject(about, "machine");
    cJSON_AddStringToObject(machine, "cpu", "A CPU | of <numbers>");
    cJSON_AddNumberToObject(machine, "cores", 2);
    cJSON_AddNumberToObject(machine, "memory_bytes", 8589934592);
    cJSON_AddStringToObject(machine, "kernel", "6.1.0");
    cJSON_AddStringToObject(machine, "os", "Debian GNU/Linux 12 (bookworm)");
    pinning = cJSON_AddObjectToObject(about, "pinning");
    cJSON_AddNumberToObject(pinning, "server_cpu", 0);
    cJSON_AddNumberToObject(pinning, "load_cpu", 1);
    cJSON_AddItemToObject(about, "design", cJSON_Duplicate(design->root, 1));
    cJSON_AddItemToObject(about, "order", order_json(design, options));
    char *text = cJSON_Print(about);
    file_write(folder, "study.json", text);
    cJSON_free(text);
    cJSON_Delete(about);
}

void synthetic_write(const char *folder, const struct synthetic *options)
{
    struct lg_design design;
    struct evd_error error;
    struct lg_rng rng;
    assert_int_equal(lg_design_read(STUDIES_DIR "/quick.json", NULL, &design, &error), EVD_OK);
    assert_int_equal(design.arm_count, SYNTHETIC_ARMS);
    cJSON_SetNumberValue(cJSON_GetObjectItem(design.root, "blocks"), options->blocks);
    write_about(folder, &design, options);
    lg_rng_init(&rng, options->seed);
    FILE *file = open_in(folder, "trials.jsonl", "w");
    size_t cells = lg_design_cells(&design), order[64];
    unsigned number = 0;
    for (unsigned block = 0; block < options->blocks; block++) {
        lg_order_block(&design, options->seed, block, order);
        for (size_t i = 0; i < cells; i++) {
            if (options->trials > 0 && number >= options->trials)
                break;
            cJSON *line = line_json(&rng, &design, options, ++number, block, order[i]);
            char *text = cJSON_PrintUnformatted(line);
            assert_true(fprintf(file, "%s\n", text) > 0);
            cJSON_free(text);
            cJSON_Delete(line);
        }
    }
    assert_int_equal(fclose(file), 0);
    lg_design_release(&design);
}
