#include "report_parts.h"

#include "plot.h"
#include "plot_charts.h"
#include "report_format.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct lg_report_figure *lg_figure_slot(const struct lg_report *report, size_t scenario,
                                        size_t load, size_t which)
{
    size_t loads = report->data->design.load_count;
    return &report->figures[(scenario * loads + load) * LG_FIGURES_PER_LOAD + which];
}

const struct lg_figure *lg_figures_get(const struct lg_report *report, size_t scenario, size_t load,
                                       size_t which)
{
    const struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, which);
    return figure->svg ? &figure->figure : NULL;
}

void lg_figures_release(struct lg_report *report)
{
    for (size_t i = 0; report->figures && i < report->slots; i++)
        free(report->figures[i].svg);
    for (size_t i = 0; report->figures && i < report->slots; i++)
        free(report->figures[i].data);
    free(report->figures);
    report->figures = NULL;
}

/* "figure-2-github-webhooks-throughput-cpu.svg": letters and digits, the rest as dashes. */
static void name_file(struct lg_report_figure *figure, unsigned number, const char *stem)
{
    snprintf(figure->file, sizeof(figure->file) - 4, "figure-%u-%s", number, stem);
    for (char *c = figure->file; *c; c++)
        *c = isalnum((unsigned char)*c) ? *c : '-';
    strcat(figure->file, ".svg");
}

int lg_figure_finish(struct lg_report *report, struct lg_script *script,
                     struct lg_report_figure *figure, const char *stem, struct evd_error *ret_error)
{
    unsigned number = figure->number = ++report->figure_count;
    char id[24], plain[sizeof(figure->caption)];
    if (fclose(script->out) != 0) {
        free(script->text);
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a figure");
    }
    name_file(figure, number, stem);
    snprintf(id, sizeof(id), "f%u", number);
    lg_doc_plain(figure->caption, plain, sizeof(plain));
    int rc = lg_plot_render(script->text, script->len, id, figure->title, plain, &figure->svg,
                            ret_error);
    free(script->text);
    figure->figure = (struct lg_figure){.file = figure->file,
                                        .svg = figure->svg,
                                        .title = figure->title,
                                        .caption = figure->caption,
                                        .data = figure->data};
    return rc;
}

int lg_figure_finish_load(struct lg_report *report, struct lg_script *script,
                          struct lg_report_figure *figure, size_t scenario, size_t load,
                          const char *kind, struct evd_error *error)
{
    const struct lg_design *design = &report->data->design;
    char stem[140]; /* names have at most 48 bytes each */
    snprintf(stem, sizeof(stem), "%s-%s-%s", design->scenarios[scenario], design->loads[load].name,
             kind);
    return lg_figure_finish(report, script, figure, stem, error);
}

int lg_script_open(struct lg_script *script, struct evd_error *error)
{
    *script = (struct lg_script){0};
    script->out = open_memstream(&script->text, &script->len);
    return script->out ? EVD_OK : evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for a figure");
}

static void fill_row(const struct lg_summary *summary, size_t arm, const struct lg_interval *value,
                     enum lg_unit unit, struct lg_chart_row *row)
{
    char number[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
    *row = (struct lg_chart_row){.label = lg_arm_name(summary, arm),
                                 .arm = arm,
                                 .twin = summary->data->design.arms[arm].twin_of != NULL,
                                 .value = *value};
    lg_print_value(value->estimate, unit, number);
    lg_print_bounds(value, unit, bounds);
    snprintf(row->text, sizeof(row->text), "%.40s %.50s", number, bounds);
}

/* Throughput or CPU as ratios. */
static int make_forest(struct lg_report *report, size_t scenario, size_t load,
                       enum lg_metric metric, size_t which, struct evd_error *error)
{
    const bool cpu = metric == LG_CPU;
    const char *what = cpu ? "server CPU per call" : "calls per second";
    const struct lg_summary *summary = report->summary;
    const struct lg_design *design = &report->data->design;
    struct lg_chart_row rows[LG_ARMS_MAX];
    size_t count = 0;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        if (arm != design->reference && cell->ratios[metric].n > 0)
            fill_row(summary, arm, &cell->ratios[metric], LG_UNIT_RATIO, &rows[count++]);
    }
    if (count == 0)
        return EVD_OK;
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, which);
    const char *reference = design->arms[design->reference].name;
    char x_title[160];
    snprintf(x_title, sizeof(x_title), "%s, as a ratio to %s", what, reference);
    lg_chart_forest(script.out, rows, count, x_title);
    figure->data =
        lg_figure_rows(rows, count, cpu ? "server CPU per call, ratio" : "calls per second, ratio");
    snprintf(figure->title, sizeof(figure->title), "%s of each arm as a ratio to %s, scenario %s",
             cpu ? "Server CPU per call" : "Throughput", reference, design->scenarios[scenario]);
    snprintf(figure->caption, sizeof(figure->caption),
             "%s on `%s`, as a ratio to `%s`. Each point is an arm (Hodges-Lehmann estimate), "
             "its line the 95 %% interval (Wilcoxon's); %s. A line inside the shaded "
             "band (0.98 to 1.02) means "
             "equivalent, one that crosses 1 and leaves the band means unresolved. An arrow points "
             "to a value beyond the axis, which also cuts off lines; the figures are at the right.",
             cpu ? "Server CPU per call" : "Throughput", design->scenarios[scenario], reference,
             cpu ? "left of 1 is cheaper" : "right of 1 is faster");
    return lg_figure_finish_load(report, &script, figure, scenario, load,
                                 cpu ? "cpu-ratio" : "ratio", error);
}

static int make_costs(struct lg_report *report, size_t scenario, size_t load,
                      struct evd_error *error)
{
    const struct lg_summary *summary = report->summary;
    const struct lg_design *design = &report->data->design;
    struct lg_chart_row rows[LG_ARMS_MAX];
    size_t count = 0;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        if (cell->values[LG_CPU].estimate > 0)
            fill_row(summary, arm, &cell->values[LG_CPU], LG_UNIT_US, &rows[count++]);
    }
    if (count == 0)
        return EVD_OK;
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, LG_FIGURE_SECOND);
    bool bars = lg_chart_costs(script.out, rows, count, 1e-3, "server CPU time per call, µs");
    figure->data = lg_figure_rows(rows, count, "server CPU time per call");
    snprintf(figure->title, sizeof(figure->title),
             "Server CPU time per call of each arm in microseconds, scenario %s",
             design->scenarios[scenario]);
    snprintf(figure->caption, sizeof(figure->caption),
             "Server CPU time per call on `%s`, in µs: less is better. %s is the geometric mean "
             "over the "
             "trials, the line its 95 %% interval (too short to be seen where it is narrow); the "
             "figures are at the right.%s",
             design->scenarios[scenario], bars ? "Each bar" : "Each point",
             bars ? "" : " The axis is logarithmic: equal distances are equal ratios.");
    return lg_figure_finish_load(report, &script, figure, scenario, load, "cpu", error);
}

/* Where the answer rests on CPU it is seen beside the band of what is equivalent; its values stand
 * in the table. */
static int make_cpu(struct lg_report *report, size_t scenario, size_t load, struct evd_error *error)
{
    return report->summary->answers[load] == LG_CPU
               ? make_forest(report, scenario, load, LG_CPU, LG_FIGURE_SECOND, error)
               : make_costs(report, scenario, load, error);
}

/* Latencies as ratios: a row for each arm and percentile. */
static int make_latency_forest(struct lg_report *report, size_t scenario, size_t load,
                               struct evd_error *error)
{
    static const struct {
        enum lg_metric metric;
        const char *name;
    } measures[] = {{LG_P50, "p50"}, {LG_P99, "p99"}};
    const struct lg_design *design = &report->data->design;
    const char *reference = design->arms[design->reference].name;
    struct lg_chart_row rows[2 * LG_ARMS_MAX];
    char labels[2 * LG_ARMS_MAX][LG_NAME_MAX + 8], x_title[160];
    size_t count = 0;
    for (size_t i = 0; i < 2 * design->arm_count; i++) {
        size_t arm = i / 2;
        const struct lg_cell *cell = lg_summary_cell(report->summary, scenario, load, arm);
        const struct lg_interval *ratio = &cell->ratios[measures[i % 2].metric];
        if (arm == design->reference || !(ratio->estimate > 0))
            continue;
        fill_row(report->summary, arm, ratio, LG_UNIT_RATIO, &rows[count]);
        snprintf(labels[count], sizeof(labels[0]), "%s, %s", design->arms[arm].name,
                 measures[i % 2].name);
        rows[count].label = labels[count];
        count++;
    }
    if (count == 0)
        return EVD_OK;
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, LG_FIGURE_SECOND);
    snprintf(x_title, sizeof(x_title), "latency, as a ratio to %s", reference);
    lg_chart_forest(script.out, rows, count, x_title);
    figure->data = lg_figure_rows(rows, count, "latency, ratio");
    snprintf(figure->title, sizeof(figure->title),
             "Latency of each arm as a ratio to %s, scenario %s", reference,
             design->scenarios[scenario]);
    snprintf(figure->caption, sizeof(figure->caption),
             "Latency on `%s`, load %s, as a ratio to `%s`: the trials' percentiles, block "
             "by block, with 95 %% Wilcoxon intervals; left of 1 is faster. Inside the shaded band "
             "(0.98 to 1.02) is "
             "equivalent. A point without a line has no interval: too many of its trials are "
             "INVALID.",
             design->scenarios[scenario], design->loads[load].name, reference);
    return lg_figure_finish_load(report, &script, figure, scenario, load, "ratio", error);
}

/* In the order of the page: figures are numbered as they are made. */
static int make_load(struct lg_report *report, size_t scenario, size_t load,
                     struct evd_error *error)
{
    bool closed = lg_is_closed(report->summary, load);
    if (lg_has_share(report->summary, load))
        return lg_is_first_share(report->summary, load)
                   ? lg_load_figure_make(report, scenario, load, error)
                   : EVD_OK;
    int rc = closed ? make_forest(report, scenario, load, LG_RATE, LG_FIGURE_MAIN, error)
                    : lg_spectrum_make(report, scenario, load, error);
    if (rc == EVD_OK)
        rc = closed ? make_cpu(report, scenario, load, error)
                    : make_latency_forest(report, scenario, load, error);
    if (rc == EVD_OK && !closed)
        rc = lg_breakdown_make(report, scenario, load, error);
    if (rc == EVD_OK && !closed)
        rc = lg_over_time_make(report, scenario, load, error);
    if (rc == EVD_OK && closed)
        rc = lg_breakeven_make(report, scenario, load, error);
    if (rc == EVD_OK)
        rc = lg_slopes_make(report, scenario, load, error);
    return rc == EVD_OK ? lg_order_make(report, scenario, load, error) : rc;
}

static int make_all(struct lg_report *report, struct evd_error *error)
{
    const struct lg_design *design = &report->data->design;
    int rc = EVD_OK;
    for (size_t scenario = 0; scenario < design->scenario_count; scenario++)
        for (size_t load = 0; load < design->load_count && rc == EVD_OK; load++)
            rc = make_load(report, scenario, load, error);
    return rc;
}

int lg_figures_make(struct lg_report *report, struct evd_error *ret_error)
{
    const struct lg_design *design = &report->data->design;
    bool grows = design->has_curves;
    if (report->method)
        return lg_method_figure_make(report, ret_error);
    report->slots = grows ? report->growth->axis_count * LG_GROWTH_MEASURES
                          : design->scenario_count * design->load_count * LG_FIGURES_PER_LOAD;
    report->slots++; /* of edits */
    report->figures = calloc(report->slots, sizeof(*report->figures));
    if (!report->figures)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the figures");
    int rc = grows ? lg_growth_figures_make(report, ret_error) : make_all(report, ret_error);
    return rc == EVD_OK ? lg_edits_figure_make(report, ret_error) : rc;
}
