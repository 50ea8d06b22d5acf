/* Pitfalls of latencies, of loads, and of the CPUs they run on. */
#include "results_pitfalls.h"

#include "stats_two.h"
#include "verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The first load of one kind, or load_count. */
static size_t first_load(const struct lg_summary *summary, bool closed)
{
    size_t load = 0;
    while (load < summary->data->design.load_count &&
           !(lg_is_known(summary, load) && lg_is_closed(summary, load) == closed))
        load++;
    return load;
}

static bool is_of(const struct lg_trial *trial, size_t scenario, size_t load, size_t arm)
{
    return trial->scenario == scenario && trial->load == load && trial->arm == arm;
}

/* ---- Calls counted as if they were independent. ---- */

/* The calls of two trials by bucket, and the p of "one is as long as the other". */
static double calls_p(const struct lg_trial *x, const struct lg_trial *y, uint64_t *counts)
{
    const struct lg_trial *trials[] = {x, y};
    memset(counts, 0, 2 * LG_HISTOGRAM_BUCKETS * sizeof(*counts));
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < trials[i]->bucket_count; k++) {
            const struct lg_bucket *bucket = &trials[i]->buckets[k];
            counts[i * LG_HISTOGRAM_BUCKETS + lg_histogram_index(bucket->value)] += bucket->count;
        }
    }
    return lg_mann_whitney_counts_p(counts, counts + LG_HISTOGRAM_BUCKETS, LG_HISTOGRAM_BUCKETS);
}

struct twins {
    size_t blocks, differ;
    double calls;
};

/* Block by block, of a cell and its twin's. `places` has room for two trials a block. */
static void compare_calls(const struct lg_summary *summary, size_t scenario, size_t load,
                          size_t twin, const struct lg_trial **places, uint64_t *counts,
                          struct twins *ret_twins)
{
    const struct lg_data *data = summary->data;
    struct twins twins = {0};
    memset(places, 0, 2 * data->design.blocks * sizeof(*places));
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        bool other = is_of(trial, scenario, load, twin);
        if ((other || is_of(trial, scenario, load, data->design.reference)) &&
            lg_summary_counts(summary, trial))
            places[2 * (trial->block - 1) + other] = trial;
    }
    for (size_t i = 0; i < data->design.blocks; i++) {
        const struct lg_trial *x = places[2 * i], *y = places[2 * i + 1];
        double p = x && y ? calls_p(x, y, counts) : NAN;
        if (!isfinite(p))
            continue;
        twins.blocks++;
        twins.differ += p < LG_FAMILY_LEVEL;
        twins.calls += x->samples + y->samples;
    }
    *ret_twins = twins;
}

static void say_calls(const struct lg_summary *summary, size_t scenario, size_t load, size_t twin,
                      const struct twins *twins, char *found)
{
    const struct lg_design *design = &summary->data->design;
    const struct lg_interval *ratio =
        &lg_summary_cell(summary, scenario, load, twin)->ratios[LG_P50];
    char calls[LG_PRINT_MAX], chance[LG_PRINT_MAX], value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
    double blocks = (double)twins->blocks;
    lg_pitfalls_say(
        found,
        "%sOn `%s`, a test on the calls (Mann and Whitney's, p < 0.05, some %s calls a trial) says "
        "in %zu of %zu blocks that the server and its A/A twin, the same program, differ; by "
        "chance it would in %s. By trials the twin's p50 is × %s %s.",
        found[0] ? " " : "`reference`, the open load. ", design->scenarios[scenario],
        lg_print_number(twins->calls / blocks / 2, calls), twins->differ, twins->blocks,
        lg_print_number(blocks * LG_FAMILY_LEVEL, chance),
        lg_print_value(ratio->estimate, LG_UNIT_RATIO, value),
        lg_print_bounds(ratio, LG_UNIT_RATIO, bounds));
}

int lg_pitfalls_calls(struct lg_pitfalls *pitfalls, const struct lg_summary *summary)
{
    const struct lg_design *design = &summary->data->design;
    size_t load = first_load(summary, false), twin = 0;
    while (twin < design->arm_count && !lg_pitfalls_twin(design, twin))
        twin++;
    if (twin == design->arm_count || load == design->load_count)
        return EVD_OK;
    const struct lg_trial **places = calloc(2 * design->blocks, sizeof(*places));
    uint64_t *counts = calloc(2 * LG_HISTOGRAM_BUCKETS, sizeof(*counts));
    int rc = places && counts ? EVD_OK : EVD_ERR_NO_MEMORY;
    for (size_t scenario = 0; scenario < design->scenario_count && rc == EVD_OK; scenario++) {
        struct twins twins;
        compare_calls(summary, scenario, load, twin, places, counts, &twins);
        if (twins.blocks > 0)
            say_calls(summary, scenario, load, twin, &twins, pitfalls->found[LG_PITFALL_CALLS]);
    }
    free(places);
    free(counts);
    return rc;
}

/* ---- Percentiles averaged. ---- */

/* Of a cell: the mean of its trials' percentiles, and the percentiles of all its calls. */
struct percentiles {
    double mean[2], all[2]; /* p99, p99.9; ns */
    double trials;
};

static int percentiles_of(const struct lg_summary *summary, size_t scenario, size_t load,
                          size_t arm, struct percentiles *ret_percentiles, struct evd_error *error)
{
    static const enum lg_metric metrics[] = {LG_P99, LG_P99_9};
    static const double quantiles[] = {0.99, 0.999};
    const struct lg_data *data = summary->data;
    struct percentiles out = {.trials = 0};
    struct lg_histogram all;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        if (!is_of(trial, scenario, load, arm) || !lg_summary_counts(summary, trial) ||
            !(trial->samples > 0))
            continue;
        for (size_t k = 0; k < 2; k++)
            out.mean[k] += trial->metrics[metrics[k]];
        out.trials++;
    }
    int rc = lg_summary_histogram(summary, scenario, load, arm, &all, error);
    for (size_t k = 0; k < 2; k++) {
        out.mean[k] /= out.trials;
        out.all[k] = (double)lg_histogram_quantile(&all, quantiles[k]);
    }
    *ret_percentiles = out;
    return rc;
}

/* What is said: of the arm whose ratio to the reference the mean changes most. */
struct worst {
    size_t arm, scenario;
    double by_mean, by_rank; /* p99 as a ratio to the reference's; by_mean 0: none */
    double trials;
};

static void take_worst(const struct percentiles *own, const struct percentiles *reference,
                       double by_rank, size_t scenario, size_t arm, struct worst *worst)
{
    double by_mean = own->mean[0] / reference->mean[0];
    double off = fabs(log(by_mean / by_rank));
    if (!isfinite(off) || (worst->by_mean > 0 && off <= fabs(log(worst->by_mean / worst->by_rank))))
        return;
    *worst = (struct worst){.arm = arm,
                            .scenario = scenario,
                            .by_mean = by_mean,
                            .by_rank = by_rank,
                            .trials = own->trials};
}

/* A row's head: "`static`, `services`". */
static struct lg_table_cell *begin_row(const struct lg_design *design, size_t scenario, size_t arm,
                                       struct lg_table *table)
{
    struct lg_table_cell *row = table->cells[table->rows++];
    char text[LG_TABLE_TEXT];
    snprintf(text, sizeof(text), "`%s`, `%s`", design->arms[arm].name, design->scenarios[scenario]);
    lg_tables_put(&row[0], LG_TONE_PLAIN, text, "");
    return row;
}

static void put_number(struct lg_table_cell *cell, double value, enum lg_unit unit)
{
    char text[LG_PRINT_MAX];
    lg_tables_put(cell, LG_TONE_NUMBER, lg_print_value(value, unit, text), "");
}

static int percentile_rows(const struct lg_summary *summary, size_t scenario, size_t load,
                           struct lg_table *table, struct worst *worst, struct evd_error *error)
{
    const struct lg_design *design = &summary->data->design;
    struct percentiles reference, own;
    int rc = percentiles_of(summary, scenario, load, design->reference, &reference, error);
    for (size_t arm = 0; arm < design->arm_count && rc == EVD_OK; arm++) {
        rc = percentiles_of(summary, scenario, load, arm, &own, error);
        if (rc != EVD_OK || !(own.trials > 0) || table->rows == LG_TABLE_ROWS)
            continue;
        struct lg_table_cell *row = begin_row(design, scenario, arm, table);
        for (size_t k = 0; k < 2; k++) {
            put_number(&row[1 + 2 * k], own.mean[k], LG_UNIT_TIME);
            put_number(&row[2 + 2 * k], own.all[k], LG_UNIT_TIME);
        }
        if (arm != design->reference)
            take_worst(&own, &reference,
                       lg_summary_cell(summary, scenario, load, arm)->ratios[LG_P99].estimate,
                       scenario, arm, worst);
    }
    return rc;
}

int lg_pitfalls_percentiles(struct lg_pitfalls *pitfalls, const struct lg_summary *summary,
                            struct evd_error *ret_error)
{
    static const char *const heads[] = {"Arm, scenario", "p99: mean of trials", "p99: all calls",
                                        "p99.9: mean of trials", "p99.9: all calls"};
    const struct lg_design *design = &summary->data->design;
    size_t load = first_load(summary, false);
    struct worst worst = {.by_mean = 0};
    char text[5][LG_PRINT_MAX];
    if (load == design->load_count)
        return EVD_OK;
    struct lg_table *table = lg_tables_new("The open load of `reference`: means of the percentiles "
                                           "of single trials, and percentiles of all their calls.",
                                           5, heads);
    int rc = table ? EVD_OK : EVD_ERR_NO_MEMORY;
    for (size_t scenario = 0; scenario < design->scenario_count && rc == EVD_OK; scenario++)
        rc = percentile_rows(summary, scenario, load, table, &worst, ret_error);
    if (rc != EVD_OK || !(worst.by_mean > 0)) {
        free(table);
        return rc;
    }
    pitfalls->tables[LG_PITFALL_PERCENTILES] = table;
    const struct lg_cell *cell = lg_summary_cell(summary, worst.scenario, load, worst.arm);
    lg_pitfalls_say(
        pitfalls->found[LG_PITFALL_PERCENTILES],
        "`reference`, `%s`: by the mean over %.0f trials `%s` has × %s of the p99 of `%s`; block "
        "by block and by rank it has × %s %s, and of all calls × %s. With %s calls a trial, its "
        "p99.9 rests on %.0f of them, and the mean of many is no p99.9 of anything.",
        design->scenarios[worst.scenario], worst.trials, design->arms[worst.arm].name,
        lg_print_value(worst.by_mean, LG_UNIT_RATIO, text[0]), design->arms[design->reference].name,
        lg_print_value(worst.by_rank, LG_UNIT_RATIO, text[1]),
        lg_print_bounds(&cell->ratios[LG_P99], LG_UNIT_RATIO, text[2]),
        lg_print_value(cell->merged[1].estimate, LG_UNIT_RATIO, text[3]),
        lg_print_count(cell->samples, text[4]), cell->samples - ceil(0.999 * cell->samples) + 1);
    return EVD_OK;
}

/* ---- Latency of a closed loop. ---- */

/* Of a cell's trials that count, the mean of a figure of each. */
static double mean_of(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                      double figure(const struct lg_trial *trial))
{
    const struct lg_data *data = summary->data;
    double sum = 0, count = 0;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        if (!is_of(trial, scenario, load, arm) || !lg_summary_counts(summary, trial) ||
            !isfinite(figure(trial)))
            continue;
        sum += figure(trial);
        count++;
    }
    return sum / count; /* NaN: none */
}

static double response_of(const struct lg_trial *trial)
{
    return trial->detail.response;
}

static double flight_of(const struct lg_trial *trial)
{
    return trial->metrics[LG_RATE] * trial->detail.response / 1e9;
}

static double server_of(const struct lg_trial *trial)
{
    return trial->metrics[LG_RATE] * trial->metrics[LG_CPU] / 1e9;
}

/* What is said: of the arm that was asked the least, beside the reference. */
struct slowest {
    size_t arm, scenario;
    double rate[2], p50[2][2]; /* reference, arm; closed and open; rate 0: none */
};

static int take_slowest(const struct lg_summary *summary, const size_t loads[2], size_t scenario,
                        size_t arm, struct slowest *slowest, struct evd_error *error)
{
    size_t arms[2] = {summary->data->design.reference, arm};
    struct slowest one = {.arm = arm, .scenario = scenario};
    struct lg_histogram all;
    for (size_t i = 0; i < 2; i++) {
        one.rate[i] =
            lg_summary_cell(summary, scenario, loads[0], arms[i])->values[LG_RATE].estimate;
        for (size_t k = 0; k < 2; k++) {
            int rc = lg_summary_histogram(summary, scenario, loads[k], arms[i], &all, error);
            if (rc != EVD_OK)
                return rc;
            one.p50[i][k] = (double)lg_histogram_quantile(&all, 0.5);
        }
    }
    bool known = one.rate[0] > 0 && one.rate[1] > 0 && one.p50[0][0] > 0 && one.p50[0][1] > 0;
    if (known && (!(slowest->rate[1] > 0) ||
                  one.rate[1] / one.rate[0] < slowest->rate[1] / slowest->rate[0]))
        *slowest = one;
    return EVD_OK;
}

static int closed_rows(const struct lg_summary *summary, const size_t loads[2], size_t scenario,
                       struct lg_table *table, struct slowest *slowest, struct evd_error *error)
{
    const struct lg_design *design = &summary->data->design;
    int rc = EVD_OK;
    for (size_t arm = 0; arm < design->arm_count && rc == EVD_OK; arm++) {
        double flight = mean_of(summary, scenario, loads[0], arm, flight_of);
        if (lg_pitfalls_twin(design, arm) || !isfinite(flight) || table->rows == LG_TABLE_ROWS)
            continue;
        struct lg_table_cell *row = begin_row(design, scenario, arm, table);
        put_number(&row[1],
                   lg_summary_cell(summary, scenario, loads[0], arm)->values[LG_RATE].estimate,
                   LG_UNIT_RATE);
        put_number(&row[2], mean_of(summary, scenario, loads[0], arm, response_of), LG_UNIT_TIME);
        char text[LG_PRINT_MAX];
        lg_tables_put(&row[3], LG_TONE_NUMBER, lg_print_number(flight, text), "");
        put_number(&row[4], mean_of(summary, scenario, loads[1], arm, response_of), LG_UNIT_TIME);
        if (arm != design->reference)
            rc = take_slowest(summary, loads, scenario, arm, slowest, error);
    }
    return rc;
}

int lg_pitfalls_closed(struct lg_pitfalls *pitfalls, const struct lg_summary *summary,
                       struct evd_error *ret_error)
{
    static const char *const heads[] = {"Arm, scenario", "Closed: calls answered",
                                        "Closed: mean response", "Their product: in flight",
                                        "Open: mean response"};
    const struct lg_design *design = &summary->data->design;
    const size_t loads[2] = {first_load(summary, true), first_load(summary, false)};
    struct slowest slowest = {.arm = 0};
    char text[5][LG_PRINT_MAX];
    if (loads[0] == design->load_count || loads[1] == design->load_count)
        return EVD_OK;
    const struct lg_load_facts *closed = &summary->data->loads[loads[0]];
    struct lg_table *table =
        lg_tables_new("`reference`: what the closed load asked, and what it says of the response; "
                      "the open load asks all the same.",
                      5, heads);
    int rc = table ? EVD_OK : EVD_ERR_NO_MEMORY;
    for (size_t scenario = 0; scenario < design->scenario_count && rc == EVD_OK; scenario++)
        rc = closed_rows(summary, loads, scenario, table, &slowest, ret_error);
    if (rc != EVD_OK || !(slowest.rate[1] > 0)) {
        free(table);
        return rc;
    }
    pitfalls->tables[LG_PITFALL_CLOSED] = table;
    lg_pitfalls_say(
        pitfalls->found[LG_PITFALL_CLOSED],
        "`reference`, `%s`: `%s` was asked %s where `%s` was asked %s. Its p50 is × %s of that of "
        "`%s` in the closed load, and × %s in the open one, at %s/s for both. In the closed load "
        "the "
        "mean response is %.0f × %.0f calls in flight over the throughput, whichever the arm.",
        design->scenarios[slowest.scenario], design->arms[slowest.arm].name,
        lg_print_value(slowest.rate[1], LG_UNIT_RATE, text[0]),
        design->arms[design->reference].name,
        lg_print_value(slowest.rate[0], LG_UNIT_RATE, text[1]),
        lg_print_value(slowest.p50[1][0] / slowest.p50[0][0], LG_UNIT_RATIO, text[2]),
        design->arms[design->reference].name,
        lg_print_value(slowest.p50[1][1] / slowest.p50[0][1], LG_UNIT_RATIO, text[3]),
        lg_print_count(summary->data->loads[loads[1]].rate, text[4]), closed->connections,
        closed->depth);
    return EVD_OK;
}

/* ---- A generator as full as the server. ---- */

/* Arms, no twins, whose trials had a full generator; and of these, those that differ from the
 * reference by their CPU. */
struct full {
    size_t arms, differ;
    size_t judged; /* another verdict by throughput than by CPU */
    size_t pulled; /* the throughput's ratio is nearer to 1 than the CPU's */
};

static void full_rows(const struct lg_summary *summary, size_t scenario, size_t load,
                      struct lg_table *table, struct full *full)
{
    const struct lg_design *design = &summary->data->design;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        const struct lg_interval *rate = &cell->ratios[LG_RATE], *cpu = &cell->ratios[LG_CPU];
        double share = cell->generator_share;
        if (arm == design->reference || lg_pitfalls_twin(design, arm) || !rate->bounded ||
            !cpu->bounded || !isfinite(share) || table->rows == LG_TABLE_ROWS)
            continue;
        struct lg_interval inverse = {.estimate = 1 / cpu->estimate,
                                      .low = 1 / cpu->high,
                                      .high = 1 / cpu->low,
                                      .bounded = true};
        char text[LG_PRINT_MAX];
        struct lg_table_cell *row = begin_row(design, scenario, arm, table);
        lg_tables_put(&row[1], LG_TONE_NUMBER, lg_print_share(share, text), "");
        lg_tables_put(&row[2], LG_TONE_NUMBER,
                      lg_print_share(mean_of(summary, scenario, load, arm, server_of), text), "");
        lg_tables_put_interval(&row[3], rate, LG_UNIT_RATIO);
        lg_tables_put_interval(&row[4], &inverse, LG_UNIT_RATIO);
        bool is_full = cell->generator_full;
        bool differs = lg_interval_off_one(cpu);
        full->arms += is_full;
        full->differ += is_full && differs;
        full->judged += is_full && cell->verdicts[LG_RATE] != cell->verdicts[LG_CPU];
        full->pulled += is_full && differs && fabs(log(rate->estimate)) < fabs(log(cpu->estimate));
    }
}

int lg_pitfalls_full(struct lg_pitfalls *pitfalls, const struct lg_summary *summary)
{
    static const char *const heads[] = {"Arm, scenario", "Generator's busiest thread", "Server",
                                        "Throughput", "Inverse of CPU per call"};
    const struct lg_design *design = &summary->data->design;
    size_t load = first_load(summary, true);
    struct full full = {0};
    char share[LG_PRINT_MAX];
    char *found = pitfalls->found[LG_PITFALL_FULL];
    if (load == design->load_count)
        return EVD_OK;
    struct lg_table *table =
        lg_tables_new("The closed load of `reference`: shares of a core (means of the trials), and "
                      "ratios to the reference by throughput and by the server's CPU alone.",
                      5, heads);
    for (size_t scenario = 0; table && scenario < design->scenario_count; scenario++)
        full_rows(summary, scenario, load, table, &full);
    if (!table || full.arms == 0) {
        free(table);
        return table ? EVD_OK : EVD_ERR_NO_MEMORY;
    }
    pitfalls->tables[LG_PITFALL_FULL] = table;
    lg_pitfalls_say(found,
                    "`reference`: in %zu of %zu rows of the table the generator's busiest thread "
                    "takes more than %s of a core. ",
                    full.arms, table->rows, lg_print_share(LG_CLIENT_SHARE_MAX, share));
    if (full.judged > 0)
        lg_pitfalls_say(found,
                        "By throughput, %zu of these %s another verdict than by the server's CPU "
                        "per call.",
                        full.judged, full.judged > 1 ? "get" : "gets");
    else
        lg_pitfalls_say(found, "By throughput, each of these gets the verdict that it gets by the "
                               "server's CPU per call.");
    if (full.pulled > 0)
        lg_pitfalls_say(found,
                        " Nearer to 1 by throughput than by CPU, of those whose CPU per call "
                        "differs from the reference's: %zu of %zu.",
                        full.pulled, full.differ);
    return EVD_OK;
}

/* ---- CPUs that are halted. ---- */

static int take_load(const struct lg_summary *summary, struct lg_pitfall_load *ret_load,
                     struct evd_error *error)
{
    const struct lg_data *data = summary->data;
    const struct lg_design *design = &data->design;
    size_t load = first_load(summary, false), count = 0;
    struct lg_histogram all;
    if (load == design->load_count)
        return EVD_OK;
    double *late = calloc(data->count, sizeof(*late));
    int rc = late ? lg_summary_histogram(summary, 0, load, design->reference, &all, error)
                  : EVD_ERR_NO_MEMORY;
    struct lg_pitfall_load out = {.known = true,
                                  .rate = data->loads[load].rate,
                                  .connections = data->loads[load].connections,
                                  .depth = data->loads[load].depth};
    snprintf(out.scenario, sizeof(out.scenario), "%s", design->scenarios[0]);
    snprintf(out.arm, sizeof(out.arm), "%s", design->arms[design->reference].name);
    out.median_p50 = lg_summary_cell(summary, 0, load, design->reference)->values[LG_P50];
    out.awake = design->keep_awake;
    for (size_t i = 0; i < data->count && rc == EVD_OK; i++) {
        const struct lg_trial *trial = &data->trials[i];
        bool own = is_of(trial, 0, load, design->reference);
        if (trial->problem || trial->scenario != 0 || trial->load != load ||
            !(own || lg_pitfalls_twin(design, trial->arm)))
            continue;
        out.trials++;
        out.invalid += trial->invalid;
        if (own && lg_summary_counts(summary, trial))
            late[count++] = trial->detail.woke_late_p99;
    }
    if (rc == EVD_OK) {
        out.woke_late_p99 = lg_median_interval(late, count).estimate;
        out.p50 = (double)lg_histogram_quantile(&all, 0.5);
        out.p99 = (double)lg_histogram_quantile(&all, 0.99);
        *ret_load = out;
    }
    free(late);
    return rc;
}

/* The same load with the CPUs kept awake, and not. */
static bool differ_by_halting(const struct lg_pitfall_load *a, const struct lg_pitfall_load *b)
{
    return a->known && b->known && a->awake && !b->awake && strcmp(a->arm, b->arm) == 0 &&
           strcmp(a->scenario, b->scenario) == 0 && fabs(a->rate - b->rate) < 0.5 &&
           fabs(a->connections - b->connections) < 0.5 && fabs(a->depth - b->depth) < 0.5;
}

static struct lg_table *halted_table(const struct lg_pitfall_load *loads[2])
{
    static const char *const heads[] = {"", "p50", "p99", "Woke late, p99", "INVALID"};
    static const char *const names[] = {"kept awake (`reference`)", "halted (`halted`)"};
    struct lg_table *table = lg_tables_new(
        "The reference arm: response of all calls, and how late the generator woke in the median "
        "trial. INVALID: trials of it and its twin, with those that were repeated.",
        5, heads);
    for (size_t i = 0; table && i < 2; i++) {
        struct lg_table_cell *row = table->cells[table->rows++];
        char text[LG_PRINT_MAX];
        lg_tables_put(&row[0], LG_TONE_PLAIN, names[i], "");
        put_number(&row[1], loads[i]->p50, LG_UNIT_TIME);
        put_number(&row[2], loads[i]->p99, LG_UNIT_TIME);
        put_number(&row[3], loads[i]->woke_late_p99, LG_UNIT_TIME);
        snprintf(text, sizeof(text), "%.0f of %.0f", loads[i]->invalid, loads[i]->trials);
        lg_tables_put(&row[4], LG_TONE_NUMBER, text, "");
    }
    return table;
}

int lg_pitfalls_halted(struct lg_pitfalls *pitfalls, const struct lg_summary *summary,
                       struct lg_pitfall_load *ret_load, struct evd_error *ret_error)
{
    const struct lg_pitfall_load *loads[2] = {&pitfalls->awake, &pitfalls->halted};
    char text[2][LG_PRINT_MAX];
    int rc = take_load(summary, ret_load, ret_error);
    if (rc != EVD_OK || !differ_by_halting(loads[0], loads[1]))
        return rc;
    lg_pitfalls_say(
        pitfalls->found[LG_PITFALL_HALTED],
        "The same load, %s/s on `%s`, with the CPUs kept awake and not, in two studies, one after "
        "the other and not paired. Where they are halted the p50 is × %s.",
        lg_print_count(loads[0]->rate, text[0]), loads[0]->scenario,
        lg_print_value(loads[1]->p50 / loads[0]->p50, LG_UNIT_RATIO, text[1]));
    pitfalls->tables[LG_PITFALL_HALTED] = halted_table(loads);
    return pitfalls->tables[LG_PITFALL_HALTED] ? EVD_OK : EVD_ERR_NO_MEMORY;
}

char *lg_pitfalls_halted_lead(const struct lg_pitfalls *pitfalls)
{
    const struct lg_pitfall_load *loads[2] = {&pitfalls->awake, &pitfalls->halted};
    char value[2][LG_PRINT_MAX], bounds[2][LG_PRINT_MAX], rate[LG_PRINT_MAX], *text;
    if (!differ_by_halting(loads[0], loads[1]))
        return NULL;
    for (size_t i = 0; i < 2; i++) {
        lg_print_value(loads[i]->median_p50.estimate, LG_UNIT_US, value[i]);
        lg_print_bounds(&loads[i]->median_p50, LG_UNIT_US, bounds[i]);
    }
    int len =
        asprintf(&text,
                 "What it costs that CPUs are halted while they have nothing to do: a load of "
                 "`reference`, %s calls a second on `%s`, without what keeps them awake "
                 "there. Half of the calls of `%s` are answered within %s%s%s, and within "
                 "%s%s%s in `reference`. These are two studies, not paired: no verdict "
                 "follows.",
                 lg_print_count(loads[1]->rate, rate), loads[1]->scenario, loads[1]->arm, value[1],
                 bounds[1][0] ? " " : "", bounds[1], value[0], bounds[0][0] ? " " : "", bounds[0]);
    return len < 0 ? NULL : text;
}
