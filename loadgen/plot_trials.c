#include "plot.h"
#include "plot_charts.h"
#include "plot_parts.h"
#include "report_format.h"

#include <math.h>

enum { HEIGHT = 300 };

struct span {
    double low, high;
};

static const char *arm_colour(size_t arm)
{
    return lg_palette_light(lg_palette_arm(arm));
}

static void widen(struct span *span, double value)
{
    if (!(value > 0) || !isfinite(value))
        return;
    span->low = fmin(span->low, value);
    span->high = fmax(span->high, value);
}

/* A logarithmic vertical axis whose tics are round wherever it lies: powers of ten and their 1, 2
 * and 5 are too far apart for what differs by a few per cent. */
static void y_axis(FILE *script, struct span span)
{
    if (!isfinite(span.low))
        span = (struct span){0.5, 2};
    double margin = pow(span.high / span.low, 0.08), low = span.low / fmax(margin, 1.01),
           high = span.high * fmax(margin, 1.01);
    fprintf(script, "set logscale y\nset yrange [%.17g:%.17g]\n", low, high);
    if (high / low > 8) {
        lg_plot_log_tics(script, "y", low, high);
        return;
    }
    double step = lg_plot_tic_step(high - low, 6);
    const char *between = "";
    fputs("set ytics (", script);
    for (double at = ceil(low / step) * step; at <= high; at += step, between = ", ")
        fprintf(script, "%s'%.6g' %.17g", between, at, at);
    fputs(")\n", script);
}

/* Open ones are the INVALID ones; each kind is a block of data of its own. */
static size_t put_series(FILE *script, const struct lg_chart_series *series, size_t index,
                         bool open)
{
    size_t count = 0;
    fprintf(script, "$%s%zu << EOD\n", open ? "open" : "full", index);
    for (size_t i = 0; i < series->count; i++) {
        const struct lg_chart_trial *trial = &series->trials[i];
        if (trial->open != open || !(trial->y > 0))
            continue;
        fprintf(script, "%.17g %.6g \"%s\"\n", trial->x, trial->y, trial->text);
        count++;
    }
    fputs("EOD\n", script);
    return count;
}

void lg_chart_order(FILE *script, const struct lg_chart_series *series, size_t count,
                    const char *x_title, const char *y_title)
{
    struct span y = {INFINITY, 0};
    size_t trials = 0, drawn[2][64] = {{0}};
    double last = 1;
    lg_plot_begin(script, LG_PLOT_WIDTH, (unsigned)(HEIGHT + 20 * ((count + 2) / 3)));
    lg_plot_x_title(script, x_title);
    lg_plot_key_above(script, y_title);
    for (size_t i = 0; i < count && i < 64; i++) {
        for (size_t k = 0; k < series[i].count; k++) {
            widen(&y, series[i].trials[k].y);
            last = fmax(last, series[i].trials[k].x);
        }
        for (int open = 0; open < 2; open++)
            trials += drawn[open][i] = put_series(script, &series[i], i, open);
    }
    y_axis(script, y);
    fprintf(script,
            "set xrange [0:%.17g]\nset arrow from 0,1 to %.17g,1 nohead lw 1.5 lc rgb '%s' back\n",
            last + 1, last + 1, lg_palette_light(LG_PALETTE_QUIET));
    const char *how = trials <= LG_CHART_HOVER_MAX ? "using 1:2:3 with labels hypertext point"
                                                   : "using 1:2 with points";
    fputs("plot NaN notitle", script);
    for (size_t i = 0; i < count && i < 64; i++) {
        fprintf(script, ", NaN with points pt 7 ps 0.8 lc rgb '%s' title '%s'",
                arm_colour(series[i].arm), series[i].label);
        for (int open = 0; open < 2; open++)
            if (drawn[open][i] > 0)
                fprintf(script, ", $%s%zu %s pt %d ps 0.6 lw 1.3 lc rgb '%s' notitle",
                        open ? "open" : "full", i, how, open ? 6 : 7, arm_colour(series[i].arm));
    }
    fputs("\n", script);
}

/* Columns: x, value, low, high, what comes up when it is pointed at. */
static void put_course(FILE *script, const struct lg_chart_line *line, size_t index,
                       const struct lg_chart_tic *tics, struct span *y)
{
    fprintf(script, "$course%zu << EOD\n", index);
    for (size_t k = 0; k < line->count; k++) {
        const struct lg_interval *v = &line->values[k];
        double low = v->bounded ? v->low : v->estimate, high = v->bounded ? v->high : v->estimate;
        char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
        lg_print_figure(v, value, bounds);
        fprintf(script, "%.6g %.6g %.6g %.6g \"%s, %s: %s %s\"\n", line->x[k], v->estimate, low,
                high, line->label, tics[k].text, value, bounds);
        widen(y, low);
        widen(y, high);
    }
    fputs("EOD\n", script);
}

void lg_chart_over_time(FILE *script, const struct lg_chart_line *lines, size_t count,
                        const struct lg_chart_tic *tics, size_t tic_count, const char *x_title,
                        const char *y_title)
{
    struct span y = {INFINITY, 0};
    lg_plot_begin(script, LG_PLOT_WIDTH, (unsigned)(HEIGHT + 20 * ((count + 2) / 3)));
    lg_plot_x_title(script, x_title);
    lg_plot_key_above(script, y_title);
    for (size_t i = 0; i < count; i++)
        put_course(script, &lines[i], i, tics, &y);
    y_axis(script, y);
    fprintf(script, "set xrange [0:%.17g]\nplot NaN notitle", tics[tic_count - 1].at + tics[0].at);
    for (size_t i = 0; i < count; i++)
        fprintf(script,
                ", $course%zu using 1:3:4 with filledcurves fs transparent solid 0.13 noborder lc "
                "rgb '%s' notitle",
                i, arm_colour(lines[i].arm));
    for (size_t i = 0; i < count; i++)
        fprintf(script,
                ", $course%zu using 1:2 with lines lw 2 dt %d lc rgb '%s' title '%s'"
                ", $course%zu using 1:2:5 with labels hypertext point pt 7 ps 0.35 lc rgb '%s' "
                "notitle",
                i, lines[i].twin ? 2 : 1, arm_colour(lines[i].arm), lines[i].label, i,
                arm_colour(lines[i].arm));
    fputs("\n", script);
}

enum { PANEL_WIDTH = 3 }; /* of the axis: the reference at 0, the arm at 1, and a gap */

static void put_panel(FILE *script, const struct lg_chart_panel *panel, size_t index,
                      struct span *y)
{
    double x = (double)(index * PANEL_WIDTH);
    fprintf(script, "$lines%zu << EOD\n", index);
    for (size_t i = 0; i < panel->count; i++) {
        fprintf(script, "%g %.6g\n%g %.6g\n\n", x, panel->values[i][0], x + 1, panel->values[i][1]);
        widen(y, panel->values[i][0]);
        widen(y, panel->values[i][1]);
    }
    fprintf(script, "EOD\n$ends%zu << EOD\n", index);
    for (size_t i = 0; i < panel->count; i++)
        fprintf(script, "%g %.6g \"%s\"\n", x + 1, panel->values[i][1], panel->texts[i]);
    fprintf(script, "EOD\n$middle%zu << EOD\n%g %.6g\n%g %.6g\nEOD\n", index, x, panel->middle[0],
            x + 1, panel->middle[1]);
}

void lg_chart_slopes(FILE *script, const struct lg_chart_panel *panels, size_t count,
                     const char *reference, const char *y_title)
{
    struct span y = {INFINITY, 0};
    bool many = count > 5;
    lg_plot_begin(script, LG_PLOT_WIDTH, HEIGHT + (many ? 60 : 0));
    lg_plot_key_above(script, y_title);
    fprintf(script, "unset key\nset tmargin 1\nset bmargin %s\n", many ? "7" : "3.2");
    for (size_t i = 0; i < count; i++)
        put_panel(script, &panels[i], i, &y);
    y_axis(script, y);
    fputs("unset grid\nset grid y\nset xtics scale 0 ", script);
    fputs(many ? "rotate by -30 (" : "(", script);
    for (size_t i = 0; i < count; i++)
        fprintf(script, "%s'%s' %g", i ? ", " : "", panels[i].label,
                (double)(i * PANEL_WIDTH) + 0.5);
    fprintf(script, ")\nset xrange [-0.8:%g]\n", (double)(count * PANEL_WIDTH) - 1.2);
    if (!many) {
        char title[160];
        snprintf(title, sizeof(title), "left of each: %s; right: the arm", reference);
        lg_plot_x_title(script, title);
    }
    fprintf(script, "set grid y lt 1 lw 1 lc rgb '%s'\nplot NaN notitle",
            lg_palette_light(LG_PALETTE_GRID));
    for (size_t i = 0; i < count; i++) {
        const char *c = arm_colour(panels[i].arm);
        fprintf(script,
                ", $lines%zu using 1:2 with lines lw 1 lc rgb '%s' notitle"
                ", $ends%zu using 1:2:3 with labels hypertext point pt 7 ps 0.5 lc rgb '%s' notitle"
                ", $middle%zu using 1:2 with lines lw 3.5 lc rgb '%s' notitle",
                i, c, i, c, i, lg_palette_light(LG_PALETTE_INK));
    }
    fputs("\n", script);
}
