#include "report_growth.h"

#include "plot_charts.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct measure {
    enum lg_metric metric;
    double scale; /* to the unit of the axis */
    const char *title, *what, *stem;
} measures[LG_GROWTH_MEASURES] = {
    [LG_GROWTH_CPU] = {LG_CPU, 1e-3, "server CPU time per call, µs", "Server CPU time per call",
                       "cpu"},
    [LG_GROWTH_STARTUP] = {LG_STARTUP, 1e-6, "from fork to ready, ms", "Start-up time", "start-up"},
    [LG_GROWTH_RSS] = {LG_RSS, 1.0 / 1048576, "peak resident memory, MiB", "Peak resident memory",
                       "memory"},
};

/* The points of a curve that were measured. */
static void fill_line(const struct lg_report *report, const struct lg_growth_curve *curve,
                      const struct measure *measure, struct lg_chart_line *line)
{
    size_t load = lg_main_load(report->summary);
    line->label = report->growth->names[curve->name];
    line->arm = curve->name;
    for (size_t i = 0; i < curve->count; i++) {
        const struct lg_cell *cell = lg_summary_cell(report->summary, 0, load, curve->arms[i]);
        struct lg_interval value = cell->values[measure->metric];
        if (!(value.estimate > 0))
            continue;
        value.estimate *= measure->scale;
        value.low *= measure->scale;
        value.high *= measure->scale;
        line->x[line->count] = curve->x[i];
        line->values[line->count++] = value;
    }
}

/* The places of all curves of an axis, each once, in order. */
static size_t fill_tics(const struct lg_growth_axis *axis, struct lg_chart_tic *tics)
{
    size_t count = 0;
    for (size_t i = 0; i < axis->curve_count; i++) {
        for (size_t point = 0; point < axis->curves[i].count; point++) {
            double x = axis->curves[i].x[point];
            size_t at = 0;
            while (at < count && tics[at].at < x)
                at++;
            if (at < count && !(tics[at].at > x))
                continue;
            memmove(tics + at + 1, tics + at, (count - at) * sizeof(*tics));
            tics[at].at = x;
            lg_growth_place(axis, x, tics[at].text);
            count++;
        }
    }
    return count;
}

static int draw(struct lg_report *report, size_t axis_index, size_t which,
                struct lg_chart_line *lines, struct evd_error *error)
{
    const struct lg_growth_axis *axis = &report->growth->axes[axis_index];
    const struct measure *measure = &measures[which];
    struct lg_chart_tic tics[LG_ARMS_MAX];
    char title[LG_NAME_MAX + 8], stem[2 * LG_NAME_MAX];
    size_t count = 0;
    for (size_t i = 0; i < axis->curve_count; i++) {
        fill_line(report, &axis->curves[i], measure, &lines[count]);
        count += lines[count].count > 0;
    }
    if (count == 0)
        return EVD_OK;
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    lg_growth_title(axis, title);
    size_t tic_count = fill_tics(axis, tics);
    bool logarithmic =
        lg_chart_growth(script.out, lines, count, tics, tic_count, title, measure->title);
    struct lg_report_figure *figure = &report->figures[axis_index * LG_GROWTH_MEASURES + which];
    snprintf(figure->x_name, sizeof(figure->x_name), "%s", title);
    figure->data = lg_figure_lines(lines, count, tics, tic_count, figure->x_name, measure->title);
    snprintf(figure->title, sizeof(figure->title), "%s by %s", measure->what, title);
    snprintf(figure->caption, sizeof(figure->caption),
             "%s by %s: less is better. Each point is an arm, its bar the 95 %% interval. The "
             "horizontal axis is logarithmic%s",
             measure->what, title,
             logarithmic ? ", and so is the vertical one: a straight line that rises is a power of "
                           "what grows."
                         : "; the vertical one starts at 0.");
    snprintf(stem, sizeof(stem), "%s-%s", measure->stem, title);
    return lg_figure_finish(report, &script, figure, stem, error);
}

int lg_growth_figures_make(struct lg_report *report, struct evd_error *ret_error)
{
    const struct lg_growth *growth = report->growth;
    int rc = EVD_OK;
    for (size_t i = 0; i < growth->axis_count * LG_GROWTH_MEASURES && rc == EVD_OK; i++) {
        size_t axis = i / LG_GROWTH_MEASURES, which = i % LG_GROWTH_MEASURES;
        if (which == LG_GROWTH_STARTUP && !growth->axes[axis].starts)
            continue;
        struct lg_chart_line *lines = calloc(LG_CURVES_MAX, sizeof(*lines));
        rc = lines ? draw(report, axis, which, lines, ret_error)
                   : evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a figure");
        free(lines);
    }
    return rc;
}
