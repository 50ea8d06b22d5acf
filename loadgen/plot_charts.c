#include "plot_charts.h"

#include "plot.h"
#include "plot_parts.h"
#include "report_format.h"

#include <math.h>
#include <string.h>

enum {
    WIDTH = LG_PLOT_WIDTH,
    ROW_HEIGHT = 34,
    FRAME_HEIGHT = 84, /* what stands below and above the rows */
    GROWTH_HEIGHT = 330,
};

#define FOREST_LEAST 0.06 /* shown at each side of 1, at least and at most */
#define FOREST_MOST  0.30
#define LOG_FROM     8.0

static const char *colour(enum lg_palette which)
{
    return lg_palette_light(which);
}

static const char *arm_colour(size_t arm)
{
    return colour(lg_palette_arm(arm));
}

/* Rows from the top down, their names at the left and their figures at the right. */
static void begin_rows(FILE *script, const struct lg_chart_row *rows, size_t count)
{
    size_t widest = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t len = 0; rows[i].label[len]; len++)
            widest = len + 1 > widest ? len + 1 : widest;
    lg_plot_begin(script, WIDTH, (unsigned)(FRAME_HEIGHT + ROW_HEIGHT * count));
    fprintf(script,
            "set border 1\n"
            "set lmargin at screen %.4f\nset rmargin at screen 0.72\n"
            "set tmargin 0.6\nset bmargin 3.2\n"
            "set yrange [%zu.6:0.4]\nset ytics scale 0\nset xtics scale 0.6\n",
            ((double)widest * 7.8 + 22) / WIDTH, count);
    fputs("set ytics (", script);
    for (size_t i = 0; i < count; i++)
        fprintf(script, "%s'%s' %zu", i ? ", " : "", rows[i].label, i + 1);
    fputs(")\n", script);
    for (size_t i = 0; i < count; i++)
        fprintf(script, "set label '%s' at graph 1.03, first %zu left textcolor rgb '%s'\n",
                rows[i].text, i + 1, colour(LG_PALETTE_INK));
}

void lg_plot_x_title(FILE *script, const char *title)
{
    fprintf(script, "set xlabel '%s' textcolor rgb '%s' offset 0,0.4\n", title,
            colour(LG_PALETTE_INK));
}

/* How far the axis reaches at each side of 1: as far as the intervals do of the rows whose points
 * it can show at all, and FOREST_MOST at the most. */
static double forest_reach(const struct lg_chart_row *rows, size_t count)
{
    double reach = FOREST_LEAST / 1.15;
    for (size_t i = 0; i < count; i++) {
        const struct lg_interval *v = &rows[i].value;
        double far = fabs(v->estimate - 1);
        if (!(far * 1.15 <= FOREST_MOST))
            continue;
        if (v->bounded)
            far = fmax(fabs(v->low - 1), fabs(v->high - 1));
        reach = fmax(reach, fmin(far, FOREST_MOST / 1.15));
    }
    return reach * 1.15;
}

double lg_plot_tic_step(double span, double most)
{
    double step = pow(10, floor(log10(span / most)));
    static const double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < 4; i++)
        if (span / (step * steps[i]) <= most)
            return step * steps[i];
    return step * 10;
}

/* Its name and figure come up when it is pointed at. */
static void put_point(FILE *script, const struct lg_chart_row *row, double x, size_t y)
{
    fprintf(script,
            "set label '%s: %s' at %.17g,%zu hypertext point pt %d ps 1 lw 2 lc rgb '%s' front\n",
            row->label, row->text, x, y, row->twin ? 6 : 7, arm_colour(row->arm));
}

static void forest_row(FILE *script, const struct lg_chart_row *row, size_t y, double reach)
{
    const struct lg_interval *v = &row->value;
    const char *c = arm_colour(row->arm);
    if (!isfinite(v->estimate))
        return;
    if (fabs(v->estimate - 1) > reach) {
        double border = v->estimate < 1 ? 1 - reach : 1 + reach;
        double from = v->estimate < 1 ? border + reach * 0.16 : border - reach * 0.16;
        fprintf(script,
                "set arrow from %.17g,%zu to %.17g,%zu head filled size screen 0.014,22 lw 2.5 "
                "lc rgb '%s'\n",
                from, y, border, y, c);
        return;
    }
    if (v->bounded) {
        double low = fmax(v->low, 1 - reach), high = fmin(v->high, 1 + reach);
        fprintf(script, "set arrow from %.17g,%zu to %.17g,%zu nohead lw 2.5 lc rgb '%s'\n", low, y,
                high, y, c);
    }
    put_point(script, row, v->estimate, y);
}

void lg_chart_forest(FILE *script, const struct lg_chart_row *rows, size_t count,
                     const char *x_title)
{
    double reach = forest_reach(rows, count);
    begin_rows(script, rows, count);
    lg_plot_x_title(script, x_title);
    fprintf(script,
            "set xrange [%.17g:%.17g]\nset xtics %.17g format '%%.2f'\n"
            "set object 1 rectangle from %g,graph 0 to %g,graph 1 fc rgb '%s' fs solid 1 noborder "
            "behind\n"
            "set arrow from 1,graph 0 to 1,graph 1 nohead lw 1.5 lc rgb '%s' back\n",
            1 - reach, 1 + reach, fmax(lg_plot_tic_step(2 * reach, 8), 0.01),
            1 - LG_EQUIVALENCE_MARGIN, 1 + LG_EQUIVALENCE_MARGIN, colour(LG_PALETTE_BAND),
            colour(LG_PALETTE_QUIET));
    for (size_t i = 0; i < count; i++)
        forest_row(script, &rows[i], i + 1, reach);
    fputs("plot NaN notitle\n", script);
}

void lg_plot_log_tics(FILE *script, const char *axis, double low, double high)
{
    static const double digits[] = {1, 2, 5};
    size_t step = high / low > 3000 ? 3 : 1;
    bool first = true;
    fprintf(script, "set %stics (", axis);
    for (int power = (int)floor(log10(low)); power <= (int)ceil(log10(high)); power++) {
        for (size_t i = 0; i < 3; i += step) {
            double value = digits[i] * pow(10, power);
            if (value < low * 0.999 || value > high * 1.001)
                continue;
            char text[LG_PRINT_MAX];
            fprintf(script, "%s'%s' %.17g", first ? "" : ", ", lg_print_tic(value, text), value);
            first = false;
        }
    }
    fputs(")\n", script);
}

struct span {
    double low, high;
};

static struct span cost_span(const struct lg_chart_row *rows, size_t count, double scale)
{
    struct span span = {INFINITY, 0};
    for (size_t i = 0; i < count; i++) {
        const struct lg_interval *v = &rows[i].value;
        if (!isfinite(v->estimate) || v->estimate <= 0)
            continue;
        double low = v->bounded && v->low > 0 ? v->low : v->estimate;
        span.low = fmin(span.low, low * scale);
        span.high = fmax(span.high, (v->bounded ? v->high : v->estimate) * scale);
    }
    return span;
}

static void cost_row(FILE *script, const struct lg_chart_row *row, size_t y, double scale,
                     bool bars)
{
    const struct lg_interval *v = &row->value;
    const char *c = arm_colour(row->arm);
    double value = v->estimate * scale, low = v->low * scale, high = v->high * scale;
    if (!(value > 0))
        return;
    if (bars)
        fprintf(script,
                "set object rectangle from 0,%.2f to %.17g,%.2f fc rgb '%s' fs solid %s "
                "border lc rgb '%s'\n",
                (double)y - 0.28, value, (double)y + 0.28, c, row->twin ? "0.15" : "0.55", c);
    else
        put_point(script, row, value, y);
    /* Whiskers in ink on bars: they must show on the bar as well as beside it. */
    if (v->bounded && (bars || low > 0))
        fprintf(script,
                "set arrow from %.17g,%zu to %.17g,%zu heads size screen 0.006,90 lw 1.8 "
                "lc rgb '%s' front\n",
                fmax(low, 0), y, high, y, bars ? colour(LG_PALETTE_INK) : c);
}

bool lg_chart_costs(FILE *script, const struct lg_chart_row *rows, size_t count, double scale,
                    const char *x_title)
{
    struct span span = cost_span(rows, count, scale);
    bool bars = !(span.high > LOG_FROM * span.low);
    begin_rows(script, rows, count);
    lg_plot_x_title(script, x_title);
    if (bars) {
        double high = span.high > 0 ? span.high * 1.05 : 1;
        fprintf(script, "set xrange [0:%.17g]\nset xtics %.17g\n", high, lg_plot_tic_step(high, 8));
    } else {
        double low = span.low / 1.4, high = span.high * 1.4;
        fprintf(script, "set logscale x\nset xrange [%.17g:%.17g]\n", low, high);
        lg_plot_log_tics(script, "x", low, high);
    }
    for (size_t i = 0; i < count; i++)
        cost_row(script, &rows[i], i + 1, scale, bars);
    fputs("plot NaN notitle\n", script);
    return bars;
}

void lg_plot_key_above(FILE *script, const char *y_title)
{
    fprintf(script,
            "set ylabel '%s' textcolor rgb '%s' offset -0.6,0\n"
            "set grid x y lt 1 lw 1 lc rgb '%s'\n"
            "set key above center horizontal Left reverse maxcols 3 samplen 2.4 spacing 1.2 width "
            "1 textcolor rgb '%s'\n"
            "set rmargin 3\nset bmargin 3.2\n",
            y_title, colour(LG_PALETTE_INK), colour(LG_PALETTE_GRID), colour(LG_PALETTE_INK));
}

static struct span line_span(const struct lg_chart_line *lines, size_t count)
{
    struct span span = {INFINITY, 0};
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lines[i].count; k++) {
            const struct lg_interval *v = &lines[i].values[k];
            span.low = fmin(span.low, v->bounded && v->low > 0 ? v->low : v->estimate);
            span.high = fmax(span.high, v->bounded ? v->high : v->estimate);
        }
    }
    return span;
}

static void growth_axes(FILE *script, const struct lg_chart_tic *tics, size_t tic_count,
                        const struct span *y, bool logarithmic)
{
    fprintf(script, "set logscale x\nset xrange [%.17g:%.17g]\nset xtics (", tics[0].at / 1.25,
            tics[tic_count - 1].at * 1.25);
    for (size_t i = 0; i < tic_count; i++)
        fprintf(script, "%s'%s' %.17g", i ? ", " : "", tics[i].text, tics[i].at);
    fputs(")\n", script);
    if (logarithmic) {
        fprintf(script, "set logscale y\nset yrange [%.17g:%.17g]\n", y->low / 1.3, y->high * 1.3);
        lg_plot_log_tics(script, "y", y->low / 1.3, y->high * 1.3);
    } else {
        fprintf(script, "set yrange [0:%.17g]\nset ytics %.17g\n", y->high * 1.1,
                lg_plot_tic_step(y->high * 1.1, 6));
    }
}

bool lg_chart_growth(FILE *script, const struct lg_chart_line *lines, size_t count,
                     const struct lg_chart_tic *tics, size_t tic_count, const char *x_title,
                     const char *y_title)
{
    static const int shapes[] = {7, 5, 9, 13, 6, 4, 8, 12}; /* beside the colour */
    struct span y = line_span(lines, count);
    bool logarithmic = y.high > LOG_FROM * y.low;
    lg_plot_begin(script, WIDTH, (unsigned)(GROWTH_HEIGHT + 20 * ((count + 2) / 3)));
    lg_plot_x_title(script, x_title);
    lg_plot_key_above(script, y_title);
    growth_axes(script, tics, tic_count, &y, logarithmic);
    for (size_t i = 0; i < count; i++) {
        fprintf(script, "$line%zu << EOD\n", i);
        for (size_t k = 0; k < lines[i].count; k++) {
            const struct lg_interval *v = &lines[i].values[k];
            double low = v->bounded ? fmax(v->low, logarithmic ? y.low / 1.3 : 0) : v->estimate;
            char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
            lg_print_figure(v, value, bounds);
            fprintf(script, "%.17g %.6g %.6g %.6g \"%s: %s %s\"\n", lines[i].x[k], v->estimate, low,
                    v->bounded ? v->high : v->estimate, lines[i].label, value, bounds);
        }
        fputs("EOD\n", script);
    }
    fputs("set bars 0.6\nplot ", script);
    for (size_t i = 0; i < count; i++)
        fprintf(script,
                "%s$line%zu using 1:2:3:4 with yerrorlines lw 2 pt %d ps 0.8 lc rgb '%s' title "
                "'%s'",
                i ? ", " : "", i, shapes[lines[i].arm % 8], arm_colour(lines[i].arm),
                lines[i].label);
    for (size_t i = 0; i < count; i++)
        fprintf(script,
                ", $line%zu using 1:2:5 with labels hypertext point pt 7 ps 0.8 lc rgb '%s' "
                "notitle",
                i, arm_colour(lines[i].arm));
    fputs("\n", script);
    return logarithmic;
}

/* A row of names above the plot: gnuplot's own key would fold to the width of the axis. */
static void part_names(FILE *script, const char *const *parts, size_t count)
{
    double at = 0.27;
    for (size_t k = 0; k < count; k++) {
        fprintf(
            script,
            "set label '%s' at screen %.4f,0.95 left point pt 5 ps 1.2 lc rgb '%s' offset 1,-0.2 "
            "textcolor rgb '%s'\n",
            parts[k], at, arm_colour(k), colour(LG_PALETTE_INK));
        at += ((double)strlen(parts[k]) * 7.8 + 38) / WIDTH;
    }
}

void lg_chart_stacks(FILE *script, const struct lg_chart_stack *rows, size_t count,
                     const char *const *parts, size_t part_count, const char *x_title)
{
    struct lg_chart_row labels[LG_CHART_POINTS_MAX] = {0};
    double high = 0;
    if (count > LG_CHART_POINTS_MAX)
        count = LG_CHART_POINTS_MAX;
    for (size_t i = 0; i < count; i++) {
        double total = 0;
        labels[i].label = rows[i].label;
        snprintf(labels[i].text, sizeof(labels[i].text), "%s", rows[i].text);
        for (size_t k = 0; k < part_count; k++)
            total += rows[i].parts[k];
        high = fmax(high, total);
    }
    high = high > 0 ? high * 1.03 : 1;
    begin_rows(script, labels, count);
    lg_plot_x_title(script, x_title);
    fprintf(script,
            "set tmargin 2.2\n"
            "set xrange [0:%.17g]\nset xtics %.17g\n",
            high, lg_plot_tic_step(high, 8));
    part_names(script, parts, part_count);
    for (size_t i = 0; i < count; i++) {
        double from = 0;
        for (size_t k = 0; k < part_count; k++) {
            double to = from + rows[i].parts[k];
            fprintf(script,
                    "set object rectangle from %.17g,%.2f to %.17g,%.2f fc rgb '%s' fs solid 1 "
                    "noborder\n",
                    from, (double)i + 0.72, to, (double)i + 1.28, arm_colour(k));
            from = to;
        }
    }
    fputs("plot NaN notitle\n", script);
}
