/* Trials one by one: paired by block, and in the order they ran. */
#include "plot_charts.h"
#include "report_format.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a load is told by. */
struct measure {
    enum lg_metric metric;
    enum lg_unit unit;
    const char *name, *axis;
    double scale; /* of the metric, to the unit of the axis */
};

static const struct measure *measure_of(const struct lg_summary *summary, size_t load)
{
    static const struct measure rate = {LG_RATE, LG_UNIT_RATE, "calls per second",
                                        "calls per second, thousands", 1e-3};
    static const struct measure median = {LG_P50, LG_UNIT_US, "median latency",
                                          "median latency, µs", 1e-3};
    return lg_is_closed(summary, load) ? &rate : &median;
}

static bool is_of(const struct lg_trial *trial, size_t scenario, size_t load, size_t arm)
{
    return trial->scenario == scenario && trial->load == load && trial->arm == arm;
}

/* The value of each block that counts: values[block], NaN elsewhere. */
static void fill_blocks(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                        enum lg_metric metric, double *values)
{
    const struct lg_data *data = summary->data;
    for (size_t i = 0; i < data->design.blocks; i++)
        values[i] = NAN;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        if (is_of(trial, scenario, load, arm) && lg_summary_counts(summary, trial))
            values[trial->block - 1] = trial->metrics[metric];
    }
}

static double median_of(const double *values, size_t count)
{
    return lg_median_interval(values, count).estimate;
}

/* Returns whether there are more than are shown. */
static bool fill_panel(const struct lg_summary *summary, const struct measure *measure,
                       const double *reference, const double *values, struct lg_chart_panel *panel)
{
    double pairs[2][LG_CHART_PAIRS_MAX];
    bool more = false;
    for (size_t block = 0; block < summary->data->design.blocks && !more; block++) {
        char from[LG_PRINT_MAX], to[LG_PRINT_MAX];
        if (!(reference[block] > 0 && values[block] > 0))
            continue;
        more = panel->count == LG_CHART_PAIRS_MAX;
        if (more)
            break;
        size_t at = panel->count++;
        pairs[0][at] = panel->values[at][0] = reference[block] * measure->scale;
        pairs[1][at] = panel->values[at][1] = values[block] * measure->scale;
        snprintf(panel->texts[at], sizeof(panel->texts[at]), "block %zu: %.24s, then %.24s",
                 block + 1, lg_print_value(reference[block], measure->unit, from),
                 lg_print_value(values[block], measure->unit, to));
    }
    for (size_t k = 0; k < 2; k++)
        panel->middle[k] = median_of(pairs[k], panel->count);
    return more;
}

/* Arms far off would press all others flat. */
static bool is_far(double ratio)
{
    return !(ratio > 0.5 && ratio < 2);
}

struct slopes {
    struct lg_chart_panel panels[LG_CHART_PANELS_MAX];
    size_t count;
    char far[240]; /* names of those left out */
    bool more;     /* blocks than are drawn */
};

static void fill_slopes(const struct lg_summary *summary, size_t scenario, size_t load,
                        const struct measure *measure, double *columns, struct slopes *slopes)
{
    const struct lg_design *design = &summary->data->design;
    double *reference = columns, *values = columns + design->blocks;
    fill_blocks(summary, scenario, load, design->reference, measure->metric, reference);
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        if (arm == design->reference)
            continue;
        fill_blocks(summary, scenario, load, arm, measure->metric, values);
        double ratio = median_of(values, design->blocks) / median_of(reference, design->blocks);
        size_t len = strlen(slopes->far);
        if (!isfinite(ratio))
            continue;
        if (is_far(ratio) || slopes->count == LG_CHART_PANELS_MAX) {
            snprintf(slopes->far + len, sizeof(slopes->far) - len, "%s`%s`", len ? ", " : "",
                     design->arms[arm].name);
            continue;
        }
        struct lg_chart_panel *panel = &slopes->panels[slopes->count];
        panel->label = design->arms[arm].name;
        panel->arm = arm;
        slopes->more |= fill_panel(summary, measure, reference, values, panel);
        slopes->count += panel->count > 0;
    }
}

/* As many columns as there are arms, and `more`, and a row a block: where that is too much for a
 * table, single trials are told as ranges. */
static bool fits(const struct lg_design *design, size_t more)
{
    return design->arm_count + more <= LG_TABLE_COLUMNS && design->blocks <= LG_TABLE_ROWS;
}

/* Whoever has more arms or blocks: an arm's values (NaN: none) as a row. */
static void put_range(const char *arm, const double *values, size_t count, enum lg_unit unit,
                      struct lg_table *table)
{
    double least = INFINITY, greatest = -INFINITY;
    size_t known = 0;
    char text[LG_PRINT_MAX], name[LG_NAME_MAX + 3];
    struct lg_table_cell *row = table->cells[table->rows];
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] > 0))
            continue;
        least = fmin(least, values[i]);
        greatest = fmax(greatest, values[i]);
        known++;
    }
    if (known == 0 || table->rows == LG_TABLE_ROWS)
        return;
    table->rows++;
    snprintf(name, sizeof(name), "`%s`", arm);
    lg_tables_put(&row[0], LG_TONE_PLAIN, name, "");
    lg_tables_put(&row[1], LG_TONE_NUMBER, lg_print_count((double)known, text), "");
    lg_tables_put(&row[2], LG_TONE_NUMBER, lg_print_value(least, unit, text), "");
    lg_tables_put(&row[3], LG_TONE_NUMBER, lg_print_value(median_of(values, count), unit, text),
                  "");
    lg_tables_put(&row[4], LG_TONE_NUMBER, lg_print_value(greatest, unit, text), "");
}

/* `values` has room for one of each block. */
static struct lg_table *blocks_table(const struct lg_summary *summary, size_t scenario, size_t load,
                                     const struct measure *measure, double *values)
{
    static const char *const ranges[] = {"Arm", "Blocks", "Least", "Median", "Greatest"};
    const struct lg_design *design = &summary->data->design;
    bool fit = fits(design, 1);
    struct lg_table *table = lg_tables_new("", 5, ranges);
    if (table && fit) {
        table->columns = design->arm_count + 1;
        table->rows = design->blocks;
        table->heads[0] = "Block";
    }
    for (size_t arm = 0; table && arm < design->arm_count; arm++) {
        fill_blocks(summary, scenario, load, arm, measure->metric, values);
        if (!fit) {
            put_range(design->arms[arm].name, values, design->blocks, measure->unit, table);
            continue;
        }
        table->heads[arm + 1] = design->arms[arm].name;
        for (size_t block = 0; block < design->blocks; block++) {
            struct lg_table_cell *row = table->cells[block];
            char text[LG_PRINT_MAX];
            snprintf(text, sizeof(text), "%zu", block + 1);
            lg_tables_put(&row[0], LG_TONE_PLAIN, text, "");
            lg_tables_put(
                &row[arm + 1], LG_TONE_NUMBER,
                values[block] > 0 ? lg_print_value(values[block], measure->unit, text) : "-", "");
        }
    }
    return table;
}

static int draw_slopes(struct lg_report *report, size_t scenario, size_t load,
                       const struct slopes *slopes, double *values, struct evd_error *error)
{
    const struct lg_design *design = &report->data->design;
    const struct measure *measure = measure_of(report->summary, load);
    const char *reference = design->arms[design->reference].name;
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, LG_FIGURE_SLOPES);
    char more[80] = "";
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    lg_chart_slopes(script.out, slopes->panels, slopes->count, reference, measure->axis);
    if (slopes->more)
        snprintf(more, sizeof(more), " Of %u blocks the first %d with both are drawn.",
                 design->blocks, LG_CHART_PAIRS_MAX);
    figure->data = blocks_table(report->summary, scenario, load, measure, values);
    snprintf(figure->title, sizeof(figure->title),
             "The %s of each arm beside that of %s, block by block, scenario %s", measure->name,
             reference, design->scenarios[scenario]);
    snprintf(figure->caption, sizeof(figure->caption),
             "Block by block on `%s`: each thin line leads from the %s of `%s` in a block to that "
             "of the arm in the same block; the bold one joins the medians. Lines that all lean "
             "the same way are an effect, lines that cross are noise.%s%.200s%s%s",
             design->scenarios[scenario], measure->name, reference,
             slopes->far[0] ? " Too far off to be drawn here: " : "", slopes->far,
             slopes->far[0] ? "." : "", more);
    return lg_figure_finish_load(report, &script, figure, scenario, load, "blocks", error);
}

int lg_slopes_make(struct lg_report *report, size_t scenario, size_t load,
                   struct evd_error *ret_error)
{
    const struct lg_summary *summary = report->summary;
    struct slopes *slopes = calloc(1, sizeof(*slopes));
    double *columns = calloc((size_t)report->data->design.blocks * 2, sizeof(*columns));
    int rc = EVD_OK;
    if (!slopes || !columns)
        rc = evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a figure");
    else
        fill_slopes(summary, scenario, load, measure_of(summary, load), columns, slopes);
    if (rc == EVD_OK && slopes->count > 0)
        rc = draw_slopes(report, scenario, load, slopes, columns, ret_error);
    free(slopes);
    free(columns);
    return rc;
}

/* All trials of an arm, as ratios to their median; returns how many. */
static size_t fill_series(const struct lg_summary *summary, size_t scenario, size_t load,
                          size_t arm, const struct measure *measure, struct lg_chart_trial *out,
                          double *values)
{
    const struct lg_data *data = summary->data;
    size_t count = 0;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        double value = trial->metrics[measure->metric];
        char text[LG_PRINT_MAX];
        if (!is_of(trial, scenario, load, arm) || !(value > 0))
            continue;
        values[count] = value;
        out[count] = (struct lg_chart_trial){
            .x = trial->number, .open = trial->problem || trial->invalid, .block = trial->block};
        snprintf(out[count].text, sizeof(out[count].text), "trial %u, block %u: %.24s%s",
                 trial->number, trial->block, lg_print_value(value, measure->unit, text),
                 trial->problem   ? ", went wrong"
                 : trial->invalid ? ", INVALID"
                                  : "");
        count++;
    }
    double median = median_of(values, count);
    for (size_t i = 0; i < count; i++)
        out[i].y = values[i] / median;
    return count;
}

/* One of a block: its ratio, beside those of trials that were repeated or are INVALID. */
static void put_trial(const struct lg_chart_trial *trial, struct lg_table_cell *cell)
{
    char ratio[LG_PRINT_MAX];
    size_t len = strlen(cell->detail);
    lg_print_value(trial->y, LG_UNIT_RATIO, ratio);
    if (!trial->open)
        lg_tables_put(cell, LG_TONE_NUMBER, ratio, cell->detail);
    else if (len < sizeof(cell->detail))
        snprintf(cell->detail + len, sizeof(cell->detail) - len, "%s%.20s", len ? ", " : "INVALID ",
                 ratio);
}

/* A row for each block, which tells the numbers of its trials. */
static void put_order(const struct lg_chart_series *series, size_t count, unsigned blocks,
                      struct lg_table *table)
{
    table->columns = count + 2;
    table->rows = blocks;
    table->heads[0] = "Block";
    table->heads[1] = "Trials";
    for (size_t block = 0; block < blocks; block++) {
        struct lg_table_cell *row = table->cells[block];
        double first = INFINITY, last = 0;
        char text[64];
        snprintf(text, sizeof(text), "%zu", block + 1);
        lg_tables_put(&row[0], LG_TONE_PLAIN, text, "");
        for (size_t i = 0; i < count; i++) {
            table->heads[i + 2] = series[i].label;
            row[i + 2] = (struct lg_table_cell){.text = "-", .tone = LG_TONE_NUMBER};
            for (size_t k = 0; k < series[i].count; k++) {
                if (series[i].trials[k].block != block + 1)
                    continue;
                first = fmin(first, series[i].trials[k].x);
                last = fmax(last, series[i].trials[k].x);
                put_trial(&series[i].trials[k], &row[i + 2]);
            }
        }
        snprintf(text, sizeof(text), last > 0 ? "%.0f to %.0f" : "-", first, last);
        lg_tables_put(&row[1], LG_TONE_NUMBER, text, "");
    }
}

/* `values` has room for those of one series. */
static struct lg_table *order_table(const struct lg_design *design,
                                    const struct lg_chart_series *series, size_t count,
                                    double *values)
{
    static const char *const ranges[] = {"Arm", "Trials", "Least", "Median", "Greatest"};
    struct lg_table *table = lg_tables_new("", 5, ranges);
    if (table && fits(design, 2))
        put_order(series, count, design->blocks, table);
    for (size_t i = 0; table && !fits(design, 2) && i < count; i++) {
        for (size_t k = 0; k < series[i].count; k++)
            values[k] = series[i].trials[k].y;
        put_range(series[i].label, values, series[i].count, LG_UNIT_RATIO, table);
    }
    return table;
}

static int draw_order(struct lg_report *report, size_t scenario, size_t load,
                      const struct lg_chart_series *series, size_t count, double *values,
                      struct evd_error *error)
{
    const struct lg_design *design = &report->data->design;
    const struct measure *measure = measure_of(report->summary, load);
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, LG_FIGURE_ORDER);
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    lg_chart_order(script.out, series, count, "trial, in the order they ran",
                   "ratio to its median");
    figure->data = order_table(design, series, count, values);
    snprintf(figure->title, sizeof(figure->title),
             "The %s of each trial in the order they ran, scenario %s, load %s", measure->name,
             design->scenarios[scenario], design->loads[load].name);
    snprintf(figure->caption, sizeof(figure->caption),
             "Over time on `%s`, load %s: the %s of each trial, in the order they ran, as a ratio "
             "to the median of its arm. Points that all rise or fall together are the machine; "
             "that is what blocks cancel out. Open points are INVALID trials, or went wrong.",
             design->scenarios[scenario], design->loads[load].name, measure->name);
    return lg_figure_finish_load(report, &script, figure, scenario, load, "order", error);
}

int lg_order_make(struct lg_report *report, size_t scenario, size_t load,
                  struct evd_error *ret_error)
{
    const struct lg_summary *summary = report->summary;
    const struct lg_design *design = &report->data->design;
    const struct measure *measure = measure_of(summary, load);
    struct lg_chart_series series[LG_ARMS_MAX];
    size_t count = 0, used = 0;
    struct lg_chart_trial *trials = calloc(report->data->count + 1, sizeof(*trials));
    double *values = calloc(report->data->count + 1, sizeof(*values));
    int rc = EVD_OK;
    if (!trials || !values)
        rc = evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a figure");
    for (size_t arm = 0; arm < design->arm_count && rc == EVD_OK; arm++) {
        size_t got = fill_series(summary, scenario, load, arm, measure, trials + used, values);
        if (got == 0)
            continue;
        series[count++] = (struct lg_chart_series){
            .label = design->arms[arm].name, .arm = arm, .count = got, .trials = trials + used};
        used += got;
    }
    if (rc == EVD_OK && count > 0)
        rc = draw_order(report, scenario, load, series, count, values, ret_error);
    free(trials);
    free(values);
    return rc;
}
