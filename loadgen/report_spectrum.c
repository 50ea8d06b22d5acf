#include "plot_charts.h"
#include "report_format.h"
#include "report_pairs.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>

enum { PER_DECADE = 8 };

/* Whether a percentile has calls enough above it. */
static bool suffices(const struct lg_histogram *histogram, double at)
{
    return (double)histogram->count / at >= LG_CHART_LEAST_SLOWER;
}

/* Band and marks of a curve whose histogram is there. */
static int fill_curve(const struct lg_summary *summary, size_t cell, struct lg_chart_curve *curve)
{
    double q[LG_CHART_BAND_MAX];
    struct lg_interval marks[LG_CHART_MARKS];
    double last = 1 / (1 - lg_chart_marks[LG_CHART_MARKS - 1]);
    for (size_t k = 0; k < LG_CHART_BAND_MAX; k++) {
        double at = pow(10, (double)k / PER_DECADE);
        if (at > last * 1.01 || !suffices(curve->histogram, at))
            break;
        curve->at[curve->band_count] = at;
        q[curve->band_count++] = 1 - 1 / at;
    }
    int rc = lg_pairs_spectrum(summary, cell, q, curve->band_count, curve->band);
    if (rc == EVD_OK)
        rc = lg_pairs_spectrum(summary, cell, lg_chart_marks, LG_CHART_MARKS, marks);
    for (size_t k = 0; k < LG_CHART_MARKS; k++) {
        bool enough = rc == EVD_OK && suffices(curve->histogram, 1 / (1 - lg_chart_marks[k]));
        curve->marks[k] = enough ? marks[k] : (struct lg_interval){.estimate = NAN};
    }
    return rc;
}

static int fill_curves(const struct lg_summary *summary, size_t scenario, size_t load,
                       struct lg_histogram *histograms, struct lg_chart_curve *curves,
                       size_t *ret_count, struct evd_error *error)
{
    const struct lg_design *design = &summary->data->design;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        struct lg_histogram *histogram = &histograms[*ret_count];
        int rc = lg_summary_histogram(summary, scenario, load, arm, histogram, error);
        if (rc != EVD_OK)
            return rc;
        if (histogram->count == 0)
            continue;
        struct lg_chart_curve *curve = &curves[(*ret_count)++];
        *curve = (struct lg_chart_curve){.label = design->arms[arm].name,
                                         .arm = arm,
                                         .twin = design->arms[arm].twin_of != NULL,
                                         .histogram = histogram};
        rc = fill_curve(summary, lg_design_cell(design, scenario, load, arm), curve);
        if (rc != EVD_OK)
            return evd_error_set(error, rc, "no memory for the percentiles");
    }
    return EVD_OK;
}

static struct lg_table *curves_table(const struct lg_chart_curve *curves, size_t count)
{
    struct lg_table *table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    table->caption = "";
    table->columns = LG_CHART_MARKS + 3;
    table->heads[0] = "Arm";
    table->heads[1] = "Calls";
    table->heads[LG_CHART_MARKS + 2] = "Greatest";
    for (size_t k = 0; k < LG_CHART_MARKS; k++)
        table->heads[2 + k] = lg_chart_mark_names[k];
    for (size_t i = 0; i < count; i++) {
        struct lg_table_cell *row = table->cells[table->rows++];
        char value[LG_PRINT_MAX];
        lg_tables_put(&row[0], LG_TONE_PLAIN, curves[i].label, "");
        lg_tables_put(&row[1], LG_TONE_NUMBER,
                      lg_print_count((double)curves[i].histogram->count, value), "");
        for (size_t k = 0; k < LG_CHART_MARKS; k++)
            if (isfinite(curves[i].marks[k].estimate))
                lg_tables_put_interval(&row[2 + k], &curves[i].marks[k], LG_UNIT_US);
            else
                lg_tables_put(&row[2 + k], LG_TONE_NUMBER, "-", "too few calls");
        lg_print_value((double)curves[i].histogram->max, LG_UNIT_US, value);
        lg_tables_put(&row[LG_CHART_MARKS + 2], LG_TONE_NUMBER, value, "");
    }
    return table;
}

static int draw(struct lg_report *report, size_t scenario, size_t load,
                const struct lg_chart_curve *curves, size_t count, struct evd_error *error)
{
    const struct lg_design *design = &report->data->design;
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, LG_FIGURE_MAIN);
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    lg_chart_spectrum(script.out, curves, count, "percentile of calls, %",
                      "latency from the due time, µs");
    figure->data = curves_table(curves, count);
    snprintf(figure->title, sizeof(figure->title),
             "Latency over percentile for each arm, scenario %s", design->scenarios[scenario]);
    snprintf(figure->caption, sizeof(figure->caption),
             "Latency on `%s`, load %s, all trials of an arm merged. Read up from a percentile: at "
             "99, one call in a hundred took longer than the curve says. Lower is better. Bands: "
             "95 %% BCa intervals over the blocks (the comparison is in the table of ratios). "
             "Both axes are logarithmic; curves end where fewer than %d calls were slower. "
             "The dashed curve is the A/A twin: gaps as small as the one to its twin are noise.",
             design->scenarios[scenario], design->loads[load].name, LG_CHART_LEAST_SLOWER);
    return lg_figure_finish_load(report, &script, figure, scenario, load, "spectrum", error);
}

int lg_spectrum_make(struct lg_report *report, size_t scenario, size_t load,
                     struct evd_error *ret_error)
{
    size_t arms = report->data->design.arm_count, count = 0;
    struct lg_histogram *histograms = calloc(arms, sizeof(*histograms));
    struct lg_chart_curve *curves = calloc(arms, sizeof(*curves));
    int rc =
        histograms && curves
            ? fill_curves(report->summary, scenario, load, histograms, curves, &count, ret_error)
            : evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the histograms");
    if (rc == EVD_OK && count > 0)
        rc = draw(report, scenario, load, curves, count, ret_error);
    free(histograms);
    free(curves);
    return rc;
}
