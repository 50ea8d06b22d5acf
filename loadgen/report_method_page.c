#include "report_method.h"

#include "plot_charts.h"
#include "report_format.h"
#include "report_parts.h"
#include "stats_count.h"
#include "stats_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 20 }; /* of the p, in the table */

#define KOLMOGOROV_95 1.358 /* the distance times the root of n that 95 % of samples stay below */

static const char *const names[LG_METHOD_MEASURES] = {
    [LG_METHOD_CPU] = "server CPU per call", [LG_METHOD_RATE] = "throughput"};

static bool injects(const struct lg_design *design)
{
    return design->method.share > 0;
}

/* ---- The answer. ---- */

static void lead_same(FILE *out, const struct lg_method *method)
{
    const struct lg_method_count *cpu = &method->counts[LG_METHOD_CPU],
                                 *rate = &method->counts[LG_METHOD_RATE];
    fprintf(out,
            "of %u comparisons of an arm with itself, %u say by server CPU per call that it "
            "differs (at most %u may), and of %u by throughput %u (at most %u).",
            cpu->compared, cpu->better + cpu->worse, cpu->limit, rate->compared,
            rate->better + rate->worse, rate->limit);
}

static void lead_effect(FILE *out, const struct lg_method *method, const struct lg_design *design)
{
    const struct lg_method_count *cpu = &method->counts[LG_METHOD_CPU];
    unsigned found = lg_method_found(cpu);
    char share[LG_PRINT_MAX], part[LG_PRINT_MAX], least[LG_PRINT_MAX], reach[LG_PRINT_MAX];
    fprintf(
        out,
        "%s more server CPU per call, put in as counted steps, is found in %u of %u comparisons "
        "of %u blocks (%s; at least %s is asked for). By its own noise the median one "
        "reaches effects from %s on.",
        lg_print_share(design->method.share, share), found, cpu->compared, design->method.blocks,
        lg_print_share((double)found / cpu->compared, part), lg_print_share(LG_METHOD_POWER, least),
        lg_print_share(cpu->reach, reach));
}

static void lead_calibration(FILE *out, const struct lg_summary *summary)
{
    struct lg_calibration calibration;
    struct evd_error error = {0};
    char call[LG_PRINT_MAX], step[LG_PRINT_MAX], share[LG_PRINT_MAX];
    if (lg_method_calibrate(summary, 0.05, &calibration, &error) != EVD_OK)
        fprintf(out, "The steps cannot be timed: %s.", error.text);
    else
        fprintf(out,
                "A call of the reference takes %s of server CPU, a step %s: %.0f steps more make a "
                "call %s dearer.",
                lg_print_value(calibration.call_ns, LG_UNIT_NS, call),
                lg_print_value(calibration.step_ns, LG_UNIT_NS, step), calibration.steps,
                lg_print_share(0.05, share));
}

/* Why there is nothing to say, in figures. */
static void lead_none(FILE *out, const struct lg_method *method, const struct lg_summary *summary)
{
    const unsigned cpu = method->counts[LG_METHOD_CPU].compared,
                   rate = method->counts[LG_METHOD_RATE].compared;
    const size_t there = summary->trials - summary->repeated;
    const struct {
        size_t count;
        const char *one, *many;
    } causes[] = {
        {summary->planned - there, "is missing", "are missing"},
        {summary->problems, "went wrong", "went wrong"},
        {summary->invalid - summary->repeated, "is INVALID", "are INVALID"},
    };
    const char *between = ": ";
    fprintf(out, "none of %u comparison%s could be made%s%s", method->planned,
            method->planned > 1 ? "s" : "", cpu + rate > 0 ? " by " : "",
            cpu > 0    ? names[LG_METHOD_RATE]
            : rate > 0 ? names[LG_METHOD_CPU]
                       : "");
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        if (causes[i].count == 0)
            continue;
        fprintf(out, "%s%zu of %zu trials %s", between, causes[i].count, summary->planned,
                causes[i].count > 1 ? causes[i].many : causes[i].one);
        between = ", ";
    }
    fputs(".", out);
}

char *lg_method_lead(const struct lg_method *method, const struct lg_summary *summary)
{
    static const char *const words[] = {[LG_METHOD_KEPT] = "The method keeps its word",
                                        [LG_METHOD_BROKEN] = "The method does not keep its word",
                                        [LG_METHOD_UNKNOWN] = "This machine cannot tell"};
    const struct lg_design *design = &summary->data->design;
    unsigned least = method->planned;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < LG_METHOD_MEASURES; i++)
        least = method->counts[i].compared < least ? method->counts[i].compared : least;
    if (design->method.steps > 0 && !injects(design)) {
        lead_calibration(out, summary);
    } else {
        fprintf(out, "**%s:** ", words[method->outcome]);
        if (least > 0 && least < LG_METHOD_LEAST * method->planned)
            fprintf(out,
                    "only %u of %u comparisons could be made: too many trials are missing or "
                    "INVALID. Where they could, ",
                    least, method->planned);
        if (least == 0)
            lead_none(out, method, summary);
        else if (injects(design))
            lead_effect(out, method, design);
        else
            lead_same(out, method);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- What was found. ---- */

__attribute__((format(printf, 3, 4))) static void put(struct lg_table_cell *cell, enum lg_tone tone,
                                                      const char *format, ...)
{
    char text[LG_TABLE_TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    lg_tables_put(cell, tone, text, "");
}

/* "4.5 %", and "[2.1, 8.4]" of the share in percent. */
static void put_share(struct lg_table_cell *cell, unsigned hits, unsigned of)
{
    if (of == 0) {
        lg_tables_put(cell, LG_TONE_NUMBER, "-", "");
        return;
    }
    struct lg_interval share = lg_share_interval(hits, of);
    char text[LG_PRINT_MAX], bounds[64];
    snprintf(bounds, sizeof(bounds), "[%.1f, %.1f]", share.low * 100, share.high * 100);
    lg_tables_put(cell, LG_TONE_NUMBER, lg_print_share(share.estimate, text), bounds);
}

static void put_same(const struct lg_report *report, struct lg_doc *doc)
{
    static const char *const heads[] = {
        "Measure",          "Comparisons", "Said to differ",           "Share, in 95 % between",
        "At most expected", "Limit",       "As many or more by chance"};
    struct lg_table *table = lg_tables_new(
        "Two arms that are the same, compared as often as there is room. Expected: what the test's "
        "level of 5 % comes to with so few blocks, whose p can take few values. Limit: what a "
        "method that errs in 5 % exceeds in at most one study of forty, by the binomial "
        "distribution; the last column is that distribution's at what was counted.",
        7, heads);
    for (size_t i = 0; table != NULL && i < LG_METHOD_MEASURES; i++) {
        const struct lg_method_count *count = &report->method->counts[i];
        struct lg_table_cell *row = table->cells[table->rows++];
        unsigned flagged = count->better + count->worse;
        put(&row[0], LG_TONE_PLAIN, "%s", names[i]);
        put(&row[1], LG_TONE_NUMBER, "%u", count->compared);
        put(&row[2],
            flagged > count->limit ? LG_TONE_BAD
            : count->compared > 0  ? LG_TONE_GOOD
                                   : LG_TONE_NUMBER,
            "%u", flagged);
        put_share(&row[3], flagged, count->compared);
        put(&row[4], LG_TONE_NUMBER, isfinite(count->expected) ? "%.1f" : "-", count->expected);
        put(&row[5], LG_TONE_NUMBER, "%u", count->limit);
        put(&row[6], LG_TONE_NUMBER, count->compared > 0 ? "%.3g" : "-", count->least_p);
    }
    if (table != NULL)
        doc->format->table(doc, table);
    free(table);
}

static void put_effect(const struct lg_report *report, struct lg_doc *doc)
{
    static const char *const heads[] = {"Measure",
                                        "Comparisons",
                                        "Found",
                                        "Share, in 95 % between",
                                        "Said to be the other way",
                                        "Smallest effect in reach",
                                        "All blocks together"};
    const struct lg_design *design = &report->data->design;
    const struct lg_cell *cell = lg_summary_cell(report->summary, 0, 0, report->method->other);
    struct lg_table *table = lg_tables_new(
        "An effect that was put in, looked for as often as there is room. Server CPU per call "
        "decides: the steps were counted against it. The smallest effect in reach is that of the "
        "median comparison. The last column is the ratio to the reference over all blocks: what "
        "was "
        "put in, as it was seen.",
        7, heads);
    for (size_t i = 0; table != NULL && i < LG_METHOD_MEASURES; i++) {
        const struct lg_method_count *count = &report->method->counts[i];
        struct lg_table_cell *row = table->cells[table->rows++];
        char reach[LG_PRINT_MAX];
        bool enough = count->worse >= LG_METHOD_POWER * count->compared;
        put(&row[0], LG_TONE_PLAIN, "%s", names[i]);
        put(&row[1], LG_TONE_NUMBER, "%u", count->compared);
        put(&row[2],
            i != LG_METHOD_CPU || count->compared == 0 ? LG_TONE_NUMBER
            : enough                                   ? LG_TONE_GOOD
                                                       : LG_TONE_BAD,
            "%u", count->worse);
        put_share(&row[3], count->worse, count->compared);
        put(&row[4], LG_TONE_NUMBER, "%u", count->better);
        put(&row[5], LG_TONE_NUMBER, "%s",
            isfinite(count->reach) ? lg_print_share(count->reach, reach) : "-");
        lg_tables_put_interval(&row[6], &cell->ratios[lg_method_metrics[i]], LG_UNIT_RATIO);
    }
    if (table != NULL)
        doc->format->table(doc, table);
    free(table);
    char call[LG_PRINT_MAX], step[LG_PRINT_MAX], share[LG_PRINT_MAX];
    lg_doc_paragraph(
        doc,
        "What was put in, before any of these trials: a call of `%s` took %s of server CPU and a "
        "step of its handler %s, by a study of its own just before. `%s` takes %.0f steps more for "
        "each call, which comes to %s.",
        design->arms[design->reference].name,
        lg_print_value(design->method.call_ns, LG_UNIT_NS, call),
        lg_print_value(design->method.step_ns, LG_UNIT_NS, step),
        design->arms[report->method->other].name, design->method.steps,
        lg_print_share(design->method.steps * design->method.step_ns / design->method.call_ns,
                       share));
}

/* ---- The p. ---- */

static double *sorted_p(const struct lg_method *method, const struct lg_method_count *count)
{
    double *p = calloc(count->compared + 1, sizeof *p);
    size_t found = 0;
    for (unsigned i = 0; i < method->planned && p != NULL; i++) {
        if (count->comparisons[i].compared)
            p[found++] = count->comparisons[i].p;
    }
    if (p != NULL)
        qsort(p, found, sizeof *p, lg_by_value);
    return p;
}

/* How many p there are up to each twentieth, beside how many there would be of equal arms. */
static struct lg_table *table_of_p(const struct lg_method *method)
{
    static const char *const heads[] = {"p above, up to", "server CPU per call", "of equal arms",
                                        "throughput", "of equal arms"};
    struct lg_table *table = lg_tables_new(NULL, 5, heads);
    for (unsigned bin = 0; bin < BINS && table != NULL; bin++) {
        double low = (double)bin / BINS, high = (double)(bin + 1) / BINS;
        struct lg_table_cell *row = table->cells[table->rows++];
        put(&row[0], LG_TONE_PLAIN, "%.2f, %.2f", low, high);
        for (size_t i = 0; i < LG_METHOD_MEASURES; i++) {
            const struct lg_method_count *count = &method->counts[i];
            unsigned inside = 0;
            for (unsigned k = 0; k < method->planned; k++) {
                const struct lg_comparison *one = &count->comparisons[k];
                inside += one->compared && one->p > low && one->p <= high;
            }
            put(&row[1 + 2 * i], LG_TONE_NUMBER, "%u", inside);
            put(&row[2 + 2 * i], LG_TONE_NUMBER, "%.1f",
                count->compared *
                    (lg_method_expected(count, high) - lg_method_expected(count, low)));
        }
    }
    return table;
}

static int draw(struct lg_report *report, struct evd_error *error)
{
    const struct lg_method *method = report->method;
    struct lg_report_figure *figure = &report->figures[0];
    struct lg_chart_steps steps[LG_METHOD_MEASURES];
    double *p[LG_METHOD_MEASURES];
    double root = sqrt(method->counts[0].compared);
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    for (size_t i = 0; i < LG_METHOD_MEASURES; i++) {
        p[i] = sorted_p(method, &method->counts[i]);
        steps[i] =
            (struct lg_chart_steps){names[i], i, p[i] ? method->counts[i].compared : 0, p[i]};
    }
    if (rc == EVD_OK) {
        lg_chart_uniform(script.out, steps, LG_METHOD_MEASURES,
                         KOLMOGOROV_95 / (root + 0.12 + 0.11 / root), "p of a comparison",
                         "share of the comparisons whose p is at most this");
        figure->data = table_of_p(method);
        snprintf(figure->title, sizeof(figure->title), "How the p of %u comparisons are spread",
                 method->counts[0].compared);
        snprintf(
            figure->caption, sizeof(figure->caption),
            "Each step is a comparison. Arms that are the same go up along the dashed line, as "
            "often as not within the shaded band (95 %% of studies, by Kolmogorov's test); "
            "above it at the left, comparisons find more than there is to be found by chance. "
            "p of %u blocks can take few values, which makes the steps wide.",
            report->data->design.method.blocks);
        rc = lg_figure_finish(report, &script, figure, "p", error);
    }
    for (size_t i = 0; i < LG_METHOD_MEASURES; i++)
        free(p[i]);
    return rc;
}

int lg_method_figure_make(struct lg_report *report, struct evd_error *ret_error)
{
    report->slots = 1;
    report->figures = calloc(1, sizeof(*report->figures));
    if (report->figures == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the figures");
    if (report->method->counts[0].compared == 0 || report->data->design.method.steps > 0)
        return EVD_OK; /* of arms that differ the p say nothing more than the counts do */
    return draw(report, ret_error);
}

static void put_p(const struct lg_report *report, struct lg_doc *doc)
{
    if (!report->figures[0].svg)
        return;
    doc->format->heading(doc, 2, "The p of the comparisons");
    doc->format->figure(doc, &report->figures[0].figure);
    for (size_t i = 0; i < LG_METHOD_MEASURES; i++) {
        const struct lg_method_count *count = &report->method->counts[i];
        lg_doc_paragraph(doc,
                         "By %s the p are at most %.3f away from those of equal arms "
                         "(Kolmogorov-Smirnov); equal arms are as far or farther in at most %.2g "
                         "of studies.",
                         names[i], count->distance, count->distance_p);
    }
}

/* ---- All of them, and the page. ---- */

static void put_comparison(const struct lg_comparison *one, enum lg_metric metric,
                           struct lg_table_cell *row)
{
    lg_tables_put_interval(&row[0], &one->ratio, LG_UNIT_RATIO);
    put(&row[1], LG_TONE_NUMBER, one->compared ? "%.3g" : "-", one->p);
    if (one->compared)
        put(&row[2], lg_verdict_tone(one->verdict), "%s", lg_verdict_word(one->verdict, metric));
    else
        put(&row[2], LG_TONE_OPEN, "not compared");
}

static void put_all(const struct lg_report *report, struct lg_doc *doc)
{
    static const char *const heads[] = {"Blocks",           "CPU ratio", "p",      "Verdict",
                                        "Throughput ratio", "p",         "Verdict"};
    const struct lg_method *method = report->method;
    unsigned blocks = report->data->design.method.blocks;
    struct lg_table *table = lg_tables_new(
        "Every comparison: the ratio to the reference with its interval, its p, its verdict.", 7,
        heads);
    for (unsigned i = 0; i < method->planned && table != NULL && table->rows < LG_TABLE_ROWS; i++) {
        struct lg_table_cell *row = table->cells[table->rows++];
        put(&row[0], LG_TONE_PLAIN, "%u to %u", i * blocks + 1, (i + 1) * blocks);
        for (size_t k = 0; k < LG_METHOD_MEASURES; k++)
            put_comparison(&method->counts[k].comparisons[i], lg_method_metrics[k],
                           &row[1 + 3 * k]);
    }
    doc->format->heading(doc, 2, "All comparisons");
    if (table != NULL)
        doc->format->table(doc, table);
    free(table);
}

static void put_reading(const struct lg_report *report, struct lg_doc *doc)
{
    unsigned blocks = report->data->design.method.blocks;
    doc->format->heading(doc, 2, "How to read this");
    doc->format->list(doc, true);
    lg_doc_item(doc, LG_TONE_PLAIN,
                "A **comparison** is what any study here makes: trials of fresh servers, both arms "
                "in random order in each block, with the same seed of their load; the estimate, "
                "interval, test and verdict of a report, by the same code. Each has %u blocks of "
                "its own, which no other comparison shares.",
                blocks);
    lg_doc_item(doc, LG_TONE_PLAIN,
                "**Said to differ**: the verdict is faster or slower (cheaper or dearer): the "
                "interval leaves 1 out, does not lie inside 0.98 to 1.02, which is equivalent "
                "whatever its p, and p is at most 0.05. There is one pair of arms, so Holm's "
                "adjustment leaves p as it is.");
    lg_doc_item(doc, LG_TONE_PLAIN,
                "A comparison whose trials are INVALID, too many of them, is not made. Where fewer "
                "than %.0f %% could be made, or where an effect is missed that by the comparisons' "
                "own noise was out of reach, the outcome is that the machine cannot tell.",
                LG_METHOD_LEAST * 100);
    doc->format->list(doc, false);
}

void lg_method_write(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_method_design *design = &report->data->design.method;
    char *lead = lg_method_lead(report->method, report->summary);
    bool calibrates = design->steps > 0 && !(design->share > 0);
    lg_content_begin(report, lead, doc);
    free(lead);
    if (!calibrates) {
        doc->format->heading(doc, 2, "What was found");
        if (design->share > 0)
            put_effect(report, doc);
        else
            put_same(report, doc);
        put_p(report, doc);
    }
    doc->format->heading(doc, 2, "Can it be trusted?");
    lg_findings_validity(report->summary, doc);
    doc->format->heading(doc, 2, "Noise");
    lg_tables_noise(report->summary, doc);
    lg_errors_write(report->data, doc);
    if (!calibrates) {
        put_all(report, doc);
        put_reading(report, doc);
    }
    lg_origin_write(report, doc);
    doc->format->end(doc);
}
