/* Latency over the time within a trial: whether it had settled when the measurement began. */
#include "plot_charts.h"
#include "report_format.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>

/* Each part of the measured window by its middle, ms. */
static void fill_tics(const struct lg_design *design, struct lg_chart_tic tics[LG_BLOCKS])
{
    double width = (double)design->duration_ns / 1e6 / LG_BLOCKS;
    for (size_t k = 0; k < LG_BLOCKS; k++) {
        tics[k].at = width * ((double)k + 0.5);
        snprintf(tics[k].text, sizeof(tics[k].text), "%.6g to %.6g ms", width * (double)k,
                 width * (double)(k + 1));
    }
}

/* The median over an arm's trials of each part's median, µs. False: none has recorded any. values:
 * as many as there are trials. */
static bool fill_line(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                      double *values, struct lg_chart_line *line)
{
    const struct lg_data *data = summary->data;
    const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
    struct lg_chart_tic tics[LG_BLOCKS];
    bool any = false;
    fill_tics(&data->design, tics);
    *line = (struct lg_chart_line){.label = data->design.arms[arm].name,
                                   .arm = arm,
                                   .twin = data->design.arms[arm].twin_of != NULL,
                                   .count = LG_BLOCKS};
    for (size_t k = 0; k < LG_BLOCKS; k++) {
        size_t count = 0;
        for (size_t i = 0; i < data->count; i++) {
            const struct lg_trial *trial = &data->trials[i];
            if (trial->scenario == scenario && trial->load == load && trial->arm == arm &&
                lg_summary_counts(summary, trial))
                values[count++] = trial->detail.parts[k] / 1e3;
        }
        line->x[k] = tics[k].at;
        line->values[k] = lg_middle_interval(values, count);
        line->values[k].bounded = line->values[k].bounded && cell->trusted;
        any = any || line->values[k].estimate > 0;
    }
    return any;
}

/* Of all arms that have one; to be freed, NULL without memory. */
static struct lg_chart_line *make_lines(const struct lg_summary *summary, size_t scenario,
                                        size_t load, size_t *ret_count)
{
    size_t arms = summary->data->design.arm_count;
    struct lg_chart_line *lines = calloc(arms, sizeof(*lines));
    double *values = calloc(summary->data->count + 1, sizeof(*values));
    *ret_count = 0;
    for (size_t arm = 0; lines && values && arm < arms; arm++)
        *ret_count += fill_line(summary, scenario, load, arm, values, &lines[*ret_count]);
    if (!values) {
        free(lines);
        lines = NULL;
    }
    free(values);
    return lines;
}

static int draw(struct lg_report *report, size_t scenario, size_t load,
                const struct lg_chart_line *lines, size_t count, struct evd_error *error)
{
    static const char x_title[] = "time since the measurement began, ms";
    static const char y_title[] = "median latency, µs";
    const struct lg_design *design = &report->data->design;
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, LG_FIGURE_TIME);
    struct lg_chart_tic tics[LG_BLOCKS];
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    fill_tics(design, tics);
    lg_chart_over_time(script.out, lines, count, tics, LG_BLOCKS, x_title, y_title);
    figure->data = lg_figure_lines(lines, count, tics, LG_BLOCKS, "calls due in", y_title);
    snprintf(figure->title, sizeof(figure->title),
             "Latency over the time within a trial for each arm, scenario %s, load %s",
             design->scenarios[scenario], design->loads[load].name);
    snprintf(figure->caption, sizeof(figure->caption),
             "Latency within a trial on `%s`, load %s: the median of the calls due in each "
             "twentieth of the measured window, and of these medians the median over the trials of "
             "an arm, with its interval, between two of the trials, as a band. Flat lines: trials "
             "had settled. A slope at the left: the warm-up was too short. The axis of latency is "
             "logarithmic. The dashed line is the A/A twin.",
             design->scenarios[scenario], design->loads[load].name);
    return lg_figure_finish_load(report, &script, figure, scenario, load, "time", error);
}

int lg_over_time_make(struct lg_report *report, size_t scenario, size_t load,
                      struct evd_error *ret_error)
{
    size_t count;
    struct lg_chart_line *lines = make_lines(report->summary, scenario, load, &count);
    int rc = lines ? EVD_OK : evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a figure");
    if (rc == EVD_OK && count > 0)
        rc = draw(report, scenario, load, lines, count, ret_error);
    free(lines);
    return rc;
}

/* The part of all arms that is farthest off the same arm's median of whole trials. */
static void write_farthest(const struct lg_summary *summary, size_t scenario, size_t load,
                           const struct lg_chart_line *lines, size_t count, struct lg_doc *doc)
{
    struct lg_chart_tic tics[LG_BLOCKS];
    size_t arm = 0, part = 0;
    double farthest = 1;
    char change[LG_PRINT_MAX];
    fill_tics(&summary->data->design, tics);
    for (size_t i = 0; i < count; i++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, lines[i].arm);
        double whole = cell->values[LG_P50].estimate / 1e3;
        for (size_t k = 0; k < LG_BLOCKS; k++) {
            double ratio = lines[i].values[k].estimate / whole;
            if (!(fabs(log(ratio)) >= fabs(log(farthest))))
                continue;
            farthest = ratio;
            arm = lines[i].arm;
            part = k;
        }
    }
    lg_doc_paragraph(
        doc,
        "The part farthest off its arm's whole trials is that of `%s` from %s: its median is %s.",
        lg_arm_name(summary, arm), tics[part].text,
        lg_print_change(farthest, "higher", "lower", change));
}

void lg_over_time_section(const struct lg_report *report, size_t scenario, size_t load,
                          struct lg_doc *doc)
{
    const struct lg_figure *figure = lg_figures_get(report, scenario, load, LG_FIGURE_TIME);
    size_t count;
    if (!figure)
        return;
    doc->format->heading(doc, 3, "Latency within a trial");
    doc->format->figure(doc, figure);
    struct lg_chart_line *lines = make_lines(report->summary, scenario, load, &count);
    if (lines)
        write_farthest(report->summary, scenario, load, lines, count, doc);
    free(lines);
}
