#include "report_parts.h"

#include "report_format.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *lg_verdict_word(enum lg_verdict verdict, enum lg_metric metric)
{
    bool cost = metric == LG_CPU || metric == LG_RSS || metric == LG_PSS;
    switch (verdict) {
    case LG_EQUIVALENT:
        return "equivalent";
    case LG_BETTER:
        return cost ? "cheaper" : "faster";
    case LG_WORSE:
        return cost ? "dearer" : "slower";
    case LG_UNRESOLVED:
        break;
    }
    return "unresolved";
}

enum lg_tone lg_verdict_tone(enum lg_verdict verdict)
{
    static const enum lg_tone tones[] = {[LG_UNRESOLVED] = LG_TONE_OPEN,
                                         [LG_EQUIVALENT] = LG_TONE_SAME,
                                         [LG_BETTER] = LG_TONE_BETTER,
                                         [LG_WORSE] = LG_TONE_WORSE};
    return tones[verdict];
}

void lg_tables_put(struct lg_table_cell *cell, enum lg_tone tone, const char *text,
                   const char *detail)
{
    cell->tone = tone;
    snprintf(cell->text, sizeof(cell->text), "%s", text);
    snprintf(cell->detail, sizeof(cell->detail), "%s", detail);
}

void lg_tables_put_interval(struct lg_table_cell *cell, const struct lg_interval *interval,
                            enum lg_unit unit)
{
    char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
    lg_tables_put(cell, LG_TONE_NUMBER, lg_print_value(interval->estimate, unit, value),
                  lg_print_bounds(interval, unit, bounds));
}

/* The arm's name; below it what of its trials doesn't count. */
static void put_arm(const struct lg_summary *summary, const struct lg_cell *cell, size_t arm,
                    struct lg_table_cell *out)
{
    char name[LG_NAME_MAX + 3], detail[64] = "";
    snprintf(name, sizeof(name), "`%s`", lg_arm_name(summary, arm));
    if (cell->problems > 0 && cell->invalid > 0)
        snprintf(detail, sizeof(detail), "%u of %u went wrong, %u INVALID", cell->problems,
                 cell->done, cell->invalid);
    else if (cell->problems > 0)
        snprintf(detail, sizeof(detail), "%u of %u went wrong", cell->problems, cell->done);
    else if (cell->invalid > 0)
        snprintf(detail, sizeof(detail), "%u of %u INVALID", cell->invalid, cell->done);
    lg_tables_put(out, LG_TONE_PLAIN, name, detail);
}

/* "p 0.012, with stolen time" */
static void put_p(double p, bool stolen, char out[static 64])
{
    const char *tail = stolen ? ", with stolen time" : "";
    if (!isfinite(p))
        snprintf(out, 64, "no p%s", tail);
    else if (p < 0.0005)
        snprintf(out, 64, "p < 0.001%s", tail);
    else
        snprintf(out, 64, "p %.3f%s", p, tail);
}

void lg_tables_put_verdict(const struct lg_summary *summary, size_t scenario, size_t load,
                           size_t arm, enum lg_metric metric, struct lg_table_cell out[2])
{
    size_t reference_arm = summary->data->design.reference;
    char detail[64];
    const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
    const struct lg_cell *reference = lg_summary_cell(summary, scenario, load, reference_arm);
    if (arm == reference_arm) {
        lg_tables_put(&out[0], LG_TONE_NUMBER, "1", "");
        lg_tables_put(&out[1], LG_TONE_PLAIN, "reference", "");
        return;
    }
    lg_tables_put_interval(&out[0], &cell->ratios[metric], LG_UNIT_RATIO);
    put_p(cell->p[metric], cell->stolen + reference->stolen > 0, detail);
    if (cell->done == 0)
        lg_tables_put(&out[1], LG_TONE_OPEN, "no trial", "");
    else if (!cell->trusted && cell->invalid > 0)
        lg_tables_put(&out[1], LG_TONE_OPEN, "INVALID", "");
    else if (!reference->trusted && reference->invalid > 0)
        lg_tables_put(&out[1], LG_TONE_OPEN, "reference INVALID", "");
    else if (!cell->ratios[metric].bounded)
        lg_tables_put(&out[1], LG_TONE_OPEN, "no interval", "");
    else if (summary->data->design.arms[arm].twin_of && lg_interval_off_one(&cell->ratios[metric]))
        lg_tables_put(&out[1], LG_TONE_WARN, "differs: noise", detail);
    else
        lg_tables_put(&out[1], lg_verdict_tone(cell->verdicts[metric]),
                      lg_verdict_word(cell->verdicts[metric], metric), detail);
}

/* The smallest effect that this comparison would have shown. */
static void put_effect(const struct lg_cell *cell, enum lg_metric metric, bool reference,
                       struct lg_table_cell *out)
{
    char text[LG_PRINT_MAX];
    double effect = reference ? NAN : lg_detectable(&cell->ratios[metric]);
    lg_tables_put(out, LG_TONE_NUMBER, isfinite(effect) ? lg_print_share(effect, text) : "-", "");
}

void lg_tables_add(struct lg_table *table, const char *name, const char *format, ...)
{
    struct lg_table_cell *cells = table->cells[table->rows++];
    char text[LG_TABLE_TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    snprintf(cells[0].text, sizeof(cells[0].text), "%s", name);
    lg_doc_plain(text, cells[1].text, sizeof(cells[1].text));
}

struct lg_table *lg_tables_new(const char *caption, size_t columns, const char *const *heads)
{
    struct lg_table *table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    table->caption = caption;
    table->columns = columns;
    for (size_t i = 0; i < columns; i++)
        table->heads[i] = heads[i];
    return table;
}

static void emit(struct lg_doc *doc, struct lg_table *table)
{
    doc->format->table(doc, table);
    free(table);
}

void lg_tables_rate(const struct lg_summary *summary, size_t scenario, size_t load,
                    struct lg_doc *doc)
{
    static const char *const heads[] = {"Arm",     "Calls per second",         "Ratio to reference",
                                        "Verdict", "Smallest effect in reach", "Ratio of totals"};
    const struct lg_design *design = &summary->data->design;
    char caption[640];
    snprintf(
        caption, sizeof(caption),
        "Throughput on `%s`: geometric mean over the trials (Student's interval), the ratio to "
        "`%s` of the same block (Hodges-Lehmann estimate, Wilcoxon interval), p by the "
        "signed-rank test and Holm over the rows. Beside it, as a check, the calls of all "
        "trials over those of the reference (BCa bootstrap over blocks). Intervals: 95 %%.",
        design->scenarios[scenario], design->arms[design->reference].name);
    struct lg_table *table = lg_tables_new(caption, 6, heads);
    if (!table)
        return;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        struct lg_table_cell *row = table->cells[table->rows++];
        put_arm(summary, cell, arm, &row[0]);
        lg_tables_put_interval(&row[1], &cell->values[LG_RATE], LG_UNIT_RATE);
        lg_tables_put_verdict(summary, scenario, load, arm, LG_RATE, &row[2]);
        put_effect(cell, LG_RATE, arm == design->reference, &row[4]);
        if (arm == design->reference)
            lg_tables_put(&row[5], LG_TONE_NUMBER, "1", "");
        else
            lg_tables_put_interval(&row[5], &cell->total_rate, LG_UNIT_RATIO);
    }
    emit(doc, table);
}

/* "+0.123 µs", "-0.050 µs": what a call costs more than one of the reference. */
static void put_extra(struct lg_table_cell out[2], const struct lg_interval *extra, bool reference)
{
    char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX], text[LG_PRINT_MAX + 1];
    if (reference || !isfinite(extra->estimate)) {
        lg_tables_put(&out[0], LG_TONE_NUMBER, "-", "");
        lg_tables_put(&out[1], LG_TONE_NUMBER, "-", "");
        return;
    }
    lg_print_difference_ns(extra, value, bounds);
    lg_tables_put(&out[0], LG_TONE_NUMBER, value, bounds);
    /* ns per call x 10,000 calls per second, as a share of the 10^9 ns that a core has. */
    lg_print_share(extra->estimate * 1e4 / 1e9, value);
    snprintf(text, sizeof(text), "%s%s",
             extra->estimate < 0 || strcmp(value, "0 %") == 0 ? "" : "+", value);
    lg_tables_put(&out[1], LG_TONE_NUMBER, text, "");
}

void lg_tables_cpu(const struct lg_summary *summary, size_t scenario, size_t load,
                   struct lg_doc *doc)
{
    static const char *const heads[] = {"Arm",
                                        "CPU per call",
                                        "Ratio to reference",
                                        "Verdict",
                                        "Smallest effect in reach",
                                        "Extra per call",
                                        "Of a core, at 10,000 calls/s"};
    const struct lg_design *design = &summary->data->design;
    char caption[640];
    snprintf(caption, sizeof(caption),
             "Server CPU time per call on `%s`: geometric mean (Student's interval), ratio to `%s` "
             "and difference from it in the same block (Hodges-Lehmann estimates, Wilcoxon "
             "intervals), p by the signed-rank test and Holm over the rows. Intervals: 95 %%. The "
             "last column says what the difference comes to at a steady 10,000 calls a second.",
             design->scenarios[scenario], design->arms[design->reference].name);
    struct lg_table *table = lg_tables_new(caption, 7, heads);
    if (!table)
        return;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        struct lg_table_cell *row = table->cells[table->rows++];
        put_arm(summary, cell, arm, &row[0]);
        lg_tables_put_interval(&row[1], &cell->values[LG_CPU], LG_UNIT_US);
        lg_tables_put_verdict(summary, scenario, load, arm, LG_CPU, &row[2]);
        put_effect(cell, LG_CPU, arm == design->reference, &row[4]);
        put_extra(&row[5], &cell->extra_cpu, arm == design->reference);
    }
    emit(doc, table);
}

/* What the interval of a median over these trials really covers. */
static double median_coverage(const struct lg_summary *summary, size_t scenario, size_t load)
{
    double least = 1;
    for (size_t arm = 0; arm < summary->data->design.arm_count; arm++) {
        const struct lg_interval *p50 =
            &lg_summary_cell(summary, scenario, load, arm)->values[LG_P50];
        if (p50->bounded && p50->coverage < least)
            least = p50->coverage;
    }
    return least;
}

/* Percentiles of trials: what a trial is like. */
static void put_percentiles(const struct lg_summary *summary, size_t scenario, size_t load,
                            struct lg_doc *doc)
{
    static const char *const heads[] = {"Arm", "p50", "p99", "p99.9"};
    const struct lg_design *design = &summary->data->design;
    char caption[400], coverage[LG_PRINT_MAX];
    double least = median_coverage(summary, scenario, load);
    lg_print_share(least, coverage);
    snprintf(caption, sizeof(caption),
             "Latency on `%s`, from the time a call was due to its answer: the median over the "
             "trials of each trial's percentile%s%s%s.",
             design->scenarios[scenario],
             least < 1 ? ", between two of the trials that hold it with at least " : "",
             least < 1 ? coverage : "", least < 1 ? " confidence" : "");
    struct lg_table *table = lg_tables_new(caption, 4, heads);
    if (!table)
        return;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        struct lg_table_cell *row = table->cells[table->rows++];
        put_arm(summary, cell, arm, &row[0]);
        lg_tables_put_interval(&row[1], &cell->values[LG_P50], LG_UNIT_US);
        lg_tables_put_interval(&row[2], &cell->values[LG_P99], LG_UNIT_US);
        lg_tables_put_interval(&row[3], &cell->values[LG_P99_9], LG_UNIT_US);
    }
    emit(doc, table);
}

void lg_tables_latency(const struct lg_summary *summary, size_t scenario, size_t load,
                       struct lg_doc *doc)
{
    static const char *const heads[] = {"Arm",
                                        "Percentile",
                                        "Ratio to reference",
                                        "Verdict",
                                        "Smallest effect in reach",
                                        "Ratio of all calls"};
    static const struct {
        enum lg_metric metric;
        const char *name;
    } rows[] = {{LG_P50, "p50"}, {LG_P99, "p99"}, {LG_P99_9, "p99.9"}};
    const struct lg_design *design = &summary->data->design;
    char caption[640];
    put_percentiles(summary, scenario, load, doc);
    snprintf(caption, sizeof(caption),
             "Latency on `%s`, against `%s`: the percentile of an arm's trial over that of the "
             "reference's trial in the same block (Hodges-Lehmann estimate, 95 %% Wilcoxon "
             "interval), p by the signed-rank test and Holm over the arms, for each percentile. "
             "Beside it, as a "
             "check, the percentile of all of the arm's calls, histograms added up, over that of "
             "the reference's (BCa bootstrap over blocks).",
             design->scenarios[scenario], design->arms[design->reference].name);
    struct lg_table *table = lg_tables_new(caption, 6, heads);
    if (!table)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (size_t arm = 0; arm < design->arm_count && table->rows < LG_TABLE_ROWS; arm++) {
            const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
            if (arm == design->reference)
                continue;
            struct lg_table_cell *row = table->cells[table->rows++];
            put_arm(summary, cell, arm, &row[0]);
            lg_tables_put(&row[1], LG_TONE_PLAIN, rows[i].name, "");
            lg_tables_put_verdict(summary, scenario, load, arm, rows[i].metric, &row[2]);
            put_effect(cell, rows[i].metric, false, &row[4]);
            lg_tables_put_interval(&row[5], &cell->merged[i], LG_UNIT_RATIO);
        }
    }
    emit(doc, table);
}

void lg_tables_memory(const struct lg_summary *summary, size_t scenario, size_t load,
                      struct lg_doc *doc)
{
    static const char *const heads[] = {"Arm", "Peak RSS", "PSS", "Start-up"};
    const struct lg_design *design = &summary->data->design;
    char caption[400];
    snprintf(
        caption, sizeof(caption),
        "The server's memory on `%s`, load %s (peak resident set; proportional set at the end, "
        "where shared pages count by share): geometric means with Student's 95 %% intervals. Its "
        "time from "
        "fork to "
        "ready: the median.",
        design->scenarios[scenario], design->loads[load].name);
    struct lg_table *table = lg_tables_new(caption, 4, heads);
    if (!table)
        return;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        struct lg_table_cell *row = table->cells[table->rows++];
        put_arm(summary, cell, arm, &row[0]);
        lg_tables_put_interval(&row[1], &cell->values[LG_RSS], LG_UNIT_MIB);
        lg_tables_put_interval(&row[2], &cell->values[LG_PSS], LG_UNIT_MIB);
        lg_tables_put_interval(&row[3], &cell->values[LG_STARTUP], LG_UNIT_MS);
    }
    emit(doc, table);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median over the arms of the smallest effect that a comparison could have shown. */
static double detectable(const struct lg_summary *summary, size_t scenario, size_t load,
                         enum lg_metric metric)
{
    const struct lg_design *design = &summary->data->design;
    double effects[LG_ARMS_MAX];
    size_t count = 0;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        double effect =
            lg_detectable(&lg_summary_cell(summary, scenario, load, arm)->ratios[metric]);
        if (arm != design->reference && isfinite(effect))
            effects[count++] = effect;
    }
    if (count == 0)
        return NAN;
    qsort(effects, count, sizeof(*effects), ascending);
    return (effects[(count - 1) / 2] + effects[count / 2]) / 2;
}

/* "+1.2 %", and "p 0.034": how the reference went from the first block to the last. */
static void put_drift(const struct lg_trend *trend, struct lg_table_cell *out)
{
    char share[LG_PRINT_MAX], text[LG_PRINT_MAX + 1], p[64];
    if (!isfinite(trend->change)) {
        lg_tables_put(out, LG_TONE_NUMBER, "-", "");
        return;
    }
    lg_print_share(fabs(trend->change - 1), share);
    snprintf(text, sizeof(text), "%s%s", trend->change < 1 ? "-" : "+", share);
    put_p(trend->p, false, p);
    lg_tables_put(out, LG_TONE_NUMBER, text, p);
}

/* "3 of 60", and which block of which arm is farthest off. */
static void put_outliers(const struct lg_summary *summary, size_t scenario, size_t load,
                         enum lg_metric metric, struct lg_table_cell *out)
{
    const struct lg_design *design = &summary->data->design;
    unsigned outliers = 0, worst_block = 0;
    size_t ratios = 0, worst_arm = 0;
    double worst = 1;
    char text[LG_PRINT_MAX], detail[64] = "", share[LG_PRINT_MAX];
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        const struct lg_shape *shape = &cell->shapes[metric];
        if (arm == design->reference)
            continue;
        ratios += cell->ratios[metric].n;
        outliers += shape->outliers;
        if (shape->outliers > 0 && fabs(log(shape->farthest)) > fabs(log(worst))) {
            worst = shape->farthest;
            worst_arm = arm;
            worst_block = shape->block;
        }
    }
    snprintf(text, sizeof(text), "%u of %zu", outliers, ratios);
    if (outliers > 0)
        snprintf(detail, sizeof(detail), "%.24s in block %u: %s%.16s",
                 lg_arm_name(summary, worst_arm), worst_block, worst < 1 ? "-" : "+",
                 lg_print_share(fabs(worst - 1), share));
    lg_tables_put(out, LG_TONE_NUMBER, text, detail);
}

/* Which load a row of the noise is of, where the scenario has several of its kind: by its rate, or
 * by its name. */
static void put_measure(const struct lg_summary *summary, size_t scenario, size_t load,
                        const char *what, struct lg_table_cell *cell)
{
    const struct lg_design *design = &summary->data->design;
    char text[LG_TABLE_TEXT], share[LG_PRINT_MAX], rate[LG_PRINT_MAX] = "";
    bool several = false;
    int len = snprintf(text, sizeof(text), "`%s`, %s", design->scenarios[scenario], what);
    for (size_t i = 0; i < design->load_count; i++)
        several |= i != load && lg_is_known(summary, i) &&
                   lg_is_closed(summary, i) == lg_is_closed(summary, load);
    if (lg_has_share(summary, load)) {
        snprintf(text + len, sizeof(text) - (size_t)len, " at %s",
                 lg_print_share(design->loads[load].share, share));
        lg_print_value((double)summary->data->rates.rates[scenario][load], LG_UNIT_RATE, rate);
    } else if (several) {
        snprintf(text + len, sizeof(text) - (size_t)len, ", load %s", design->loads[load].name);
    }
    lg_tables_put(cell, LG_TONE_PLAIN, text, rate);
}

static void noise_row(const struct lg_summary *summary, size_t scenario, size_t load,
                      enum lg_metric metric, const char *what, struct lg_table *table)
{
    const struct lg_design *design = &summary->data->design;
    char number[LG_PRINT_MAX];
    struct lg_table_cell *row = table->cells[table->rows++];
    double effect = detectable(summary, scenario, load, metric);
    put_measure(summary, scenario, load, what, &row[0]);
    lg_tables_put(&row[1], LG_TONE_NUMBER, isfinite(effect) ? lg_print_share(effect, number) : "-",
                  "");
    lg_tables_put(&row[2], LG_TONE_NUMBER, "-", "");
    lg_tables_put(&row[3], LG_TONE_OPEN, "no A/A arm", "");
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const char *twin = design->arms[arm].twin_of;
        if (twin && strcmp(twin, design->arms[design->reference].name) == 0)
            lg_tables_put_verdict(summary, scenario, load, arm, metric, &row[2]);
    }
    put_drift(&lg_summary_cell(summary, scenario, load, design->reference)->shapes[metric].trend,
              &row[4]);
    put_outliers(summary, scenario, load, metric, &row[5]);
}

void lg_tables_noise(const struct lg_summary *summary, struct lg_doc *doc)
{
    static const char *const heads[] = {
        "Measure", "Smallest effect in reach", "A/A ratio", "A/A verdict", "Drift", "Outliers"};
    const struct lg_design *design = &summary->data->design;
    struct lg_table *table = lg_tables_new(
        "What this study could see: the smallest change that it would have shown in four "
        "of five repetitions (median over the arms), and the same arm against itself. Drift: how "
        "the "
        "reference changed from the first block to the last (Theil-Sen slope, p by Kendall's tau). "
        "Outliers: ratios of a block that lie more than 1.5 times the distance of the quartiles "
        "beyond them, and the farthest, against the median. Both count in every figure: nothing is "
        "corrected or left out for them.",
        6, heads);
    if (!table)
        return;
    for (size_t scenario = 0; scenario < design->scenario_count; scenario++) {
        for (size_t load = 0; load < design->load_count; load++) {
            if (!lg_is_known(summary, load) || table->rows + 2 > LG_TABLE_ROWS)
                continue;
            bool closed = lg_is_closed(summary, load);
            noise_row(summary, scenario, load, closed ? LG_RATE : LG_P50,
                      closed ? "calls per second" : "p50 latency", table);
            noise_row(summary, scenario, load, closed ? LG_CPU : LG_P99,
                      closed ? "CPU per call" : "p99 latency", table);
        }
    }
    emit(doc, table);
}
