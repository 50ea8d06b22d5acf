#include "report_bench.h"

#include "report_format.h"
#include "report_parts.h"
#include "study_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MOST   1.02 /* wall time over CPU time: more, and others ran on this CPU */
#define SPREAD_MOST 0.10 /* half an interval over its median */

static double cost_of(const struct lg_bench_data *data, const char *name)
{
    const struct lg_bench *bench = lg_bench_find(data, name);
    return bench ? bench->cost.estimate : NAN;
}

static const char *fact(const struct lg_bench_data *data, const char *key, const char *otherwise)
{
    return lg_json_string(data->context, key, otherwise);
}

/* ---- The answer ---- */

char *lg_bench_lead(const struct lg_bench_data *data)
{
    static const struct {
        const char *name, *label;
    } arms[] = {{"dispatch/static/state:64", "`static`"},
                {"dispatch/dynamic-cached/state:64", "`dynamic/cached`"},
                {"dispatch/instance-pool/state:64", "`instance/pool`"},
                {"dispatch/instance-malloc/state:64", "`instance/malloc`"},
                {"dispatch/dynamic-call/state:64", "`dynamic/call`"}};
    char *text = NULL, number[LG_PRINT_MAX], other[LG_PRINT_MAX];
    size_t len, count = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    for (size_t i = 0; i < sizeof(arms) / sizeof(*arms); i++) {
        double cost = cost_of(data, arms[i].name);
        if (!(cost > 0))
            continue;
        fprintf(out, "%s%s with %s", count == 0 ? "One dispatch takes " : ", ",
                lg_print_value(cost, LG_UNIT_NS, number), arms[i].label);
        count++;
    }
    double few = cost_of(data, "lookup/evd_names/names:10/hit");
    double many = cost_of(data, "lookup/evd_names/names:10000/hit");
    if (few > 0 && many > 0) {
        fprintf(out, "%s finding a name takes %s among 10 and %s among 10,000",
                count > 0 ? ";" : "Of a dispatch,", lg_print_value(few, LG_UNIT_NS, number),
                lg_print_value(many, LG_UNIT_NS, other));
        count++;
    }
    if (count == 0)
        fprintf(out, "%zu benchmarks, none of them a whole dispatch", data->count);
    fputs(".", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void put_begin(const struct lg_bench_data *data, struct lg_doc *doc)
{
    char meta[640], cpu[128], cores[32], kernel[96], *lead = lg_bench_lead(data);
    snprintf(meta, sizeof(meta),
             "%zu benchmarks, %zu repetitions of each, in random order. %s, %s CPUs, Linux %s. "
             "Commit `%.40s`. %.10s.",
             data->count, data->repetitions,
             lg_doc_plain(fact(data, "machine_cpu", "unknown CPU"), cpu, sizeof(cpu)),
             lg_json_whole(data->context, "num_cpus", cores),
             lg_doc_plain(fact(data, "machine_kernel", "unknown"), kernel, sizeof(kernel)),
             fact(data, "commit", "unknown"), fact(data, "date", "unknown"));
    doc->format->begin(doc, "What each operation costs alone", lead ? lead : "", meta);
    free(lead);
}

/* ---- What it means ---- */

/* "+12.1 ns [11.9, 12.4]" */
static const char *difference_text(const struct lg_interval *difference, char *out, size_t cap)
{
    char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
    lg_print_difference_ns(difference, value, bounds);
    snprintf(out, cap, "%s%s%s", value, bounds[0] ? " " : "", bounds);
    return out;
}

static const char *ratio_text(const struct lg_interval *ratio, char *out, size_t cap)
{
    char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
    lg_print_value(ratio->estimate, LG_UNIT_RATIO, value);
    lg_print_bounds(ratio, LG_UNIT_RATIO, bounds);
    snprintf(out, cap, "× %s%s%s", value, bounds[0] ? " " : "", bounds);
    return out;
}

static void meaning_lookup(const struct lg_bench_data *data, struct lg_doc *doc)
{
    struct lg_bench_pair pair;
    char text[160], a[LG_PRINT_MAX], b[LG_PRINT_MAX];
    if (lg_bench_pair(data, "lookup/evd_names/names:10000/hit", "lookup/evd_names/names:10/hit",
                      &pair))
        lg_doc_item(doc, LG_TONE_PLAIN,
                    "**Looking up a name**: from 10 to 10,000 names %s to %s (%s). The work is the "
                    "same; what grows is the memory it is spread over.",
                    lg_print_value(pair.base.estimate, LG_UNIT_NS, a),
                    lg_print_value(pair.bench->cost.estimate, LG_UNIT_NS, b),
                    ratio_text(&pair.ratio, text, sizeof(text)));
    if (lg_bench_pair(data, "lookup/evd_names/names:4096/hit", "lookup/gperf/names:4096/hit",
                      &pair))
        lg_doc_item(doc, LG_TONE_PLAIN,
                    "**A perfect hash**, gperf's, made when the names are known, takes %s among "
                    "4,096: `evd_names` takes %s of that (%s).",
                    lg_print_value(pair.base.estimate, LG_UNIT_NS, a),
                    ratio_text(&pair.ratio, text, sizeof(text)),
                    lg_print_value(pair.bench->cost.estimate, LG_UNIT_NS, b));
}

static void meaning_dispatch(const struct lg_bench_data *data, struct lg_doc *doc)
{
    static const struct {
        const char *label, *name;
    } arms[] = {{"dynamic/cached", "dispatch/dynamic-cached/state:64"},
                {"instance/pool", "dispatch/instance-pool/state:64"},
                {"instance/malloc", "dispatch/instance-malloc/state:64"},
                {"dynamic/call", "dispatch/dynamic-call/state:64"}};
    char line[640] = "", text[160];
    size_t len = 0;
    for (size_t i = 0; i < sizeof(arms) / sizeof(*arms); i++) {
        struct lg_bench_pair pair;
        if (!lg_bench_pair(data, arms[i].name, "dispatch/static/state:64", &pair))
            continue;
        len +=
            (size_t)snprintf(line + len, sizeof(line) - len, "%s `%s` %s", len ? ";" : "",
                             arms[i].label, difference_text(&pair.difference, text, sizeof(text)));
    }
    if (len > 0)
        lg_doc_item(doc, LG_TONE_PLAIN, "**Above `static`**, a dispatch costs:%s.", line);
    for (size_t i = 0; i < 2; i++) {
        static const char *const bases[] = {"dispatch/raw-image/state:64",
                                            "dispatch/raw-dlopen/state:64"};
        static const char *const names[] = {"the same load bare, of an image in memory",
                                            "a bare `dlopen` of the file"};
        struct lg_bench_pair pair;
        if (lg_bench_pair(data, "dispatch/dynamic-call/state:64", bases[i], &pair))
            lg_doc_item(doc, LG_TONE_PLAIN,
                        "**Loading for each call**, `dynamic/call`, takes %s of %s.",
                        ratio_text(&pair.ratio, text, sizeof(text)), names[i]);
    }
}

static void meaning_bytes(const struct lg_bench_data *data, struct lg_doc *doc)
{
    const struct lg_bench *scan = lg_bench_find(data, "scan/webhooks");
    char a[LG_PRINT_MAX], b[LG_PRINT_MAX];
    if (scan && scan->bytes / scan->cost.estimate > 0)
        lg_doc_item(doc, LG_TONE_PLAIN, "**The validating scan** reads the webhook payloads at %s.",
                    lg_print_value(scan->bytes / scan->cost.estimate, LG_UNIT_GBS, a));
    double small = cost_of(data, "instance/pool/size:64");
    double large = cost_of(data, "instance/pool/size:256K");
    if (small > 0 && large > 0)
        lg_doc_item(
            doc, LG_TONE_PLAIN,
            "**An instance for each call**, cleared each time, takes %s with 64 B and %s with "
            "256 KiB (`instance/pool`).",
            lg_print_value(small, LG_UNIT_NS, a), lg_print_value(large, LG_UNIT_NS, b));
}

/* ---- Whether to believe it ---- */

static double median_of_wall(const struct lg_bench_data *data)
{
    double ratios[LG_BENCH_MAX];
    for (size_t i = 0; i < data->count; i++) {
        double each[LG_BENCH_REPETITIONS_MAX];
        for (size_t r = 0; r < data->repetitions; r++)
            each[r] = data->list[i].wall[r] / data->list[i].cpu[r];
        ratios[i] = lg_median_interval(each, data->repetitions).estimate;
    }
    return lg_median_interval(ratios, data->count).estimate;
}

static void validity_of_figures(const struct lg_bench_data *data, struct lg_doc *doc)
{
    size_t failed = 0, wide = 0, unbounded = 0, short_of = 0;
    double wall = median_of_wall(data);
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_bench *bench = &data->list[i];
        char name[LG_BENCH_NAME_MAX], why[256];
        const struct lg_interval *v = &bench->cost;
        failed += bench->failure != NULL;
        if (bench->failure)
            lg_doc_item(doc, LG_TONE_BAD, "`%s` failed: %s.",
                        lg_doc_plain(bench->name, name, sizeof(name)),
                        lg_doc_plain(bench->failure, why, sizeof(why)));
        unbounded += !v->bounded;
        short_of += v->n < data->repetitions;
        wide += v->bounded && (v->high - v->low) / 2 > SPREAD_MOST * v->estimate;
    }
    if (failed == 0)
        lg_doc_item(
            doc, LG_TONE_GOOD,
            "No benchmark failed. Each sees to it that what it measured gave right answers.");
    if (unbounded > 0)
        lg_doc_item(doc, LG_TONE_WARN,
                    "%zu of %zu have no interval: that takes 5 repetitions, there are %zu.",
                    unbounded, data->count, data->repetitions);
    if (short_of > 0)
        lg_doc_item(doc, LG_TONE_WARN, "%zu of %zu have fewer repetitions than others.", short_of,
                    data->count);
    if (unbounded < data->count)
        lg_doc_item(doc, wide > 0 ? LG_TONE_WARN : LG_TONE_GOOD,
                    "%zu of %zu have an interval of more than ± 10 %%.", wide, data->count);
    lg_doc_item(doc, wall <= WALL_MOST ? LG_TONE_GOOD : LG_TONE_WARN,
                "Wall time was %.3f times CPU time, in the median of the benchmarks%s.", wall,
                wall <= WALL_MOST ? ": they had the CPU to themselves"
                                  : ": others ran on the CPU meanwhile, and left their traces in "
                                    "its caches");
}

static void validity_of_build(const struct lg_bench_data *data, struct lg_doc *doc)
{
    const char *type = fact(data, "build_type", "unknown"), *pin = fact(data, "pinned_cpu", "none");
    const char *commit = fact(data, "commit", "unknown"), *skipped = fact(data, "skipped", "");
    char plain[160];
    bool optimised = strcmp(type, "Release") == 0 || strcmp(type, "RelWithDebInfo") == 0;
    bool release = optimised && fact(data, "sanitize", "")[0] == '\0';
    lg_doc_item(doc, release ? LG_TONE_GOOD : LG_TONE_BAD, "Build type: %s%s.",
                lg_doc_plain(type, plain, sizeof(plain)),
                fact(data, "sanitize", "")[0] ? ", with a sanitizer" : "");
    if (strcmp(pin, "none") == 0)
        lg_doc_item(doc, LG_TONE_WARN, "The program was pinned to no CPU.");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data->context, "cpu_scaling_enabled")))
        lg_doc_item(doc, LG_TONE_WARN, "The CPU's frequency was free to change.");
    if (strstr(commit, "-dirty"))
        lg_doc_item(doc, LG_TONE_WARN, "The tree had changes that are in no commit.");
    if (strncmp(fact(data, "webhooks", "generated"), "generated", 9) == 0)
        lg_doc_item(doc, LG_TONE_WARN,
                    "The webhook payloads are generated ones, of the real ones' sizes.");
    if (skipped[0])
        lg_doc_item(doc, LG_TONE_WARN, "Left out: %s.",
                    lg_doc_plain(skipped, plain, sizeof(plain)));
    if (!data->counted)
        lg_doc_item(doc, LG_TONE_WARN, "Instructions were not counted: that takes valgrind.");
}

/* ---- What instructions cannot show ---- */

static void put_instructions(const struct lg_bench_data *data, struct lg_doc *doc)
{
    char ns[LG_PRINT_MAX], count[LG_PRINT_MAX], other[LG_PRINT_MAX], share[LG_PRINT_MAX];
    if (!data->counted)
        return;
    doc->format->heading(doc, 3, "What instructions cannot show");
    lg_doc_paragraph(
        doc,
        "Counts are exact: two runs of one build count the same, so a test holds each arm under "
        "a ceiling without a clock. They count what runs in user space and say nothing of how "
        "long it takes: not of **cache misses** and **branches guessed wrong**, not of what "
        "the kernel does in **system calls** and **page faults**, not of **waiting for "
        "memory** where bytes are moved.");
    double few = lg_bench_instructions(data, "static-10-endpoints");
    double many = lg_bench_instructions(data, "static-10000-endpoints");
    struct lg_bench_pair pair;
    if (few > 0 && many > 0 &&
        lg_bench_pair(data, "dispatch/static/endpoints:10000", "dispatch/static/endpoints:10",
                      &pair) &&
        pair.ratio.bounded && pair.ratio.low > 1) {
        char text[160], a[LG_PRINT_MAX];
        lg_doc_paragraph(doc,
                         "In this run: from 10 to 10,000 endpoints `static` goes from %s to %s "
                         "instructions, and from %s to %s (%s): the difference is memory.",
                         lg_print_count(round(few), count), lg_print_count(round(many), other),
                         lg_print_value(pair.base.estimate, LG_UNIT_NS, ns),
                         lg_print_value(pair.bench->cost.estimate, LG_UNIT_NS, a),
                         ratio_text(&pair.ratio, text, sizeof(text)));
    }
    double pace = cost_of(data, "dispatch/static/state:64") / lg_bench_instructions(data, "static");
    double call = cost_of(data, "dispatch/dynamic-call/state:64");
    double instructions = lg_bench_instructions(data, "dynamic-call");
    if (pace > 0 && call > instructions * pace)
        lg_doc_paragraph(
            doc,
            "At the pace of `static`, the %s instructions of `dynamic/call` would take %s. It "
            "takes "
            "%s: the other %s are the kernel's, which maps, faults in and unmaps the pages, and "
            "those of code and tables that come new into the caches each time.",
            lg_print_count(round(instructions), count),
            lg_print_value(instructions * pace, LG_UNIT_NS, ns),
            lg_print_value(call, LG_UNIT_NS, other),
            lg_print_share(1 - instructions * pace / call, share));
}

/* ---- Sections ---- */

static void put_figure(const struct lg_report *report, enum lg_bench_figure which,
                       struct lg_doc *doc)
{
    const struct lg_report_figure *figure = &report->figures[which];
    if (figure->svg)
        doc->format->figure(doc, &figure->figure);
}

static bool has_group(const struct lg_bench_data *data, const char *group)
{
    for (size_t i = 0; i < data->count; i++)
        if (strcmp(data->list[i].group, group) == 0)
            return true;
    return false;
}

static void put_section(const struct lg_bench_data *data, const char *group, const char *heading,
                        struct lg_doc *doc)
{
    if (has_group(data, group))
        doc->format->heading(doc, 2, heading);
}

static void put_calls(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_bench_data *data = report->bench;
    put_section(data, "lookup", "Finding a name", doc);
    put_figure(report, LG_BENCH_LOOKUPS, doc);
    lg_bench_matrix(
        data, "lookup", "names", "hit", "Way",
        "CPU time of looking up a name that is there, by the number of names, called in "
        "random order.",
        doc);
    lg_bench_matrix(data, "lookup", "names", "miss", "Way",
                    "The same for names that are not there.", doc);
    lg_bench_attacks(data, doc);
    put_section(data, "dispatch", "Dispatch", doc);
    put_figure(report, LG_BENCH_DISPATCHES, doc);
    lg_bench_dispatches(data, doc);
    put_instructions(data, doc);
    put_section(data, "instance", "An instance for each call", doc);
    put_figure(report, LG_BENCH_INSTANCES, doc);
    lg_bench_bares(data, "instance", doc);
    lg_bench_matrix(data, "instance", "size", "", "What",
                    "CPU time by the size of the instance: whole dispatches, and memory bare.",
                    doc);
    put_section(data, "load", "Loading a module for each call", doc);
    put_figure(report, LG_BENCH_LOADS, doc);
    lg_bench_bares(data, "load", doc);
}

static void put_bytes(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_bench_data *data = report->bench;
    put_section(data, "envelope", "Envelopes", doc);
    put_figure(report, LG_BENCH_ENVELOPES, doc);
    lg_bench_matrix(data, "envelope", "size", "", "Transport",
                    "CPU time of reading a call and of writing an answer, by the size of the "
                    "payload.",
                    doc);
    put_section(data, "scan", "The scan", doc);
    lg_bench_scans(data, doc);
    if (has_group(data, "codec") || has_group(data, "cjson"))
        doc->format->heading(doc, 2, "Codecs");
    put_figure(report, LG_BENCH_CODECS, doc);
    lg_bench_matrix(data, "codec", "size", "", "Codec",
                    "CPU time by the size of the payload, not encoded.", doc);
    lg_bench_matrix(data, "cjson", "size", "", "cJSON",
                    "For scale: making a tree of the same payload, and printing it.", doc);
    lg_bench_others(data, doc);
}

static void put_reading(const struct lg_bench_data *data, struct lg_doc *doc)
{
    char coverage[LG_PRINT_MAX];
    double least = data->list[0].cost.coverage;
    for (size_t i = 0; i < data->count; i++)
        least = fmin(least, data->list[i].cost.coverage);
    doc->format->heading(doc, 2, "How to read this");
    doc->format->list(doc, true);
    lg_doc_item(
        doc, LG_TONE_PLAIN,
        "The unit is the **repetition**: many iterations one after the other, and their mean "
        "CPU time. The repetitions of all benchmarks ran in one random order, on one CPU: "
        "drift of the machine hits all alike.");
    lg_doc_item(doc, LG_TONE_PLAIN,
                "Figures are **medians** over the repetitions. The interval lies between two of "
                "them, needs no shape of their distribution, and covers the median of many more in "
                "%s of such runs or better. It says how well this run knows its median, not how "
                "another machine, or this one tomorrow, will do.",
                lg_print_share(least, coverage));
    lg_doc_item(doc, LG_TONE_PLAIN,
                "**Differences and ratios** are medians over pairs: the i-th repetitions of two "
                "benchmarks stand at about the same place of the run.");
    lg_doc_item(doc, LG_TONE_PLAIN,
                "Caches and branch predictors are warm: each operation is repeated thousands of "
                "times. In a server it shares them with everything else; for that see a study.");
    doc->format->list(doc, false);
}

/* ---- Where it comes from ---- */

/* "L1 Data 32 KiB, L2 Unified 512 KiB, ..." */
static void row_caches(const struct lg_bench_data *data, struct lg_table *table)
{
    char text[LG_TABLE_TEXT] = "", size[LG_PRINT_MAX];
    size_t len = 0;
    const cJSON *cache;
    cJSON_ArrayForEach(cache, cJSON_GetObjectItemCaseSensitive(data->context, "caches"))
    {
        if (len + 64 > sizeof(text))
            break;
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%sL%.0f %.16s %.20s", len ? ", " : "",
                             lg_json_number(cache, "level"), lg_json_string(cache, "type", "?"),
                             lg_print_size(lg_json_number(cache, "size"), size));
    }
    lg_tables_add(table, "Caches", "%s", len ? text : "unknown");
}

static void put_origin(const struct lg_bench_data *data, struct lg_doc *doc)
{
    static const char *const heads[] = {"What", "Which"};
    char memory[LG_PRINT_MAX], size[LG_PRINT_MAX], cores[32];
    struct lg_table *table = lg_tables_new("What the benchmarks ran on.", 2, heads);
    if (!table)
        return;
    lg_tables_add(table, "CPU", "%s, %s online%s", fact(data, "machine_cpu", "unknown"),
                  lg_json_whole(data->context, "num_cpus", cores),
                  strcmp(fact(data, "machine_virtual", ""), "true") == 0 ? ", in a virtual machine"
                                                                         : "");
    row_caches(data, table);
    lg_print_number(strtod(fact(data, "machine_memory_bytes", "nan"), NULL) / 1073741824, memory);
    lg_tables_add(table, "Memory", "%s GiB", memory);
    lg_tables_add(table, "System", "%s, Linux %s", fact(data, "machine_os", "unknown"),
                  fact(data, "machine_kernel", "unknown"));
    lg_tables_add(table, "CPU governor", "%s", fact(data, "machine_governor", "none to be seen"));
    lg_tables_add(table, "Pinning", "CPU %s; CPUs that share its core: %s",
                  fact(data, "pinned_cpu", "none"), fact(data, "machine_siblings", "unknown"));
    lg_tables_add(table, "Commit", "%s", fact(data, "commit", "unknown"));
    lg_tables_add(table, "Program", "evd-bench %s, %s, %s", fact(data, "version", "unknown"),
                  fact(data, "build_type", "unknown"), fact(data, "compiler", "unknown compiler"));
    lg_tables_add(table, "gperf", "%s", fact(data, "gperf", "not there"));
    if (data->counted)
        lg_tables_add(table, "Instruction counts", "%s, of a program made by %s", data->valgrind,
                      data->compiler);
    lg_tables_add(table, "Names", "drawn at random, seed %s", fact(data, "names_seed", "unknown"));
    lg_tables_add(table, "Webhook payloads", "%s", fact(data, "webhooks", "unknown"));
    lg_tables_add(table, "Started", "%s", fact(data, "date", "unknown"));
    doc->format->heading(doc, 2, "What it ran on");
    doc->format->table(doc, table);
    free(table);
    doc->format->heading(doc, 2, "Repeat it");
    doc->format->code(doc, fact(data, "command", "evd-bench"));
    lg_doc_paragraph(doc, "This report from the raw data, without measuring again:");
    doc->format->code(doc, "loadgen report DIR");
    lg_doc_paragraph(doc,
                     "The raw data are `bench.json` (Google Benchmark's own output, all "
                     "repetitions; %s bytes, SHA-256 `%s`)%s%s. This page is made from what is in "
                     "this folder and nothing else.",
                     lg_print_count((double)data->bytes, size), data->sha256,
                     data->counted ? ", `instructions.json`" : "",
                     data->target_count > 0 ? ", `targets.tsv`" : "");
}

void lg_bench_meaning(const struct lg_bench_data *data, struct lg_doc *doc)
{
    doc->format->list(doc, true);
    meaning_dispatch(data, doc);
    meaning_lookup(data, doc);
    meaning_bytes(data, doc);
    lg_targets_item(data, doc);
    doc->format->list(doc, false);
}

void lg_bench_write(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_bench_data *data = report->bench;
    for (size_t i = 0; i < data->count; i++)
        data->list[i].shown = false; /* the page is written once in each format */
    put_begin(data, doc);
    doc->format->heading(doc, 2, "What it means");
    lg_bench_meaning(data, doc);
    doc->format->heading(doc, 2, "Can it be trusted?");
    doc->format->list(doc, true);
    validity_of_figures(data, doc);
    validity_of_build(data, doc);
    doc->format->list(doc, false);
    lg_targets_write(data, doc);
    put_calls(report, doc);
    put_bytes(report, doc);
    put_reading(data, doc);
    put_origin(data, doc);
    doc->format->end(doc);
}
