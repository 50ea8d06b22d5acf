#include "plot_charts.h"

#include "plot.h"
#include "report_format.h"

#include <math.h>
#include <string.h>

enum {
    WIDTH = 760,
    ROW_HEIGHT = 34,
    FRAME_HEIGHT = 84, /* what stands below and above the rows */
    SPECTRUM_HEIGHT = 400,
    GROWTH_HEIGHT = 330,
    LEAST_SLOWER = 5, /* calls above a percentile, for it to be drawn */
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

static void x_axis_title(FILE *script, const char *title)
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

/* A step of 1, 2 or 5 times a power of ten that cuts a span into at most `most` parts. */
static double tic_step(double span, double most)
{
    double step = pow(10, floor(log10(span / most)));
    static const double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < 4; i++)
        if (span / (step * steps[i]) <= most)
            return step * steps[i];
    return step * 10;
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
    fprintf(script, "set label '' at %.17g,%zu point pt %d ps 1 lw 2 lc rgb '%s' front\n",
            v->estimate, y, row->twin ? 6 : 7, c);
}

void lg_chart_forest(FILE *script, const struct lg_chart_row *rows, size_t count,
                     const char *x_title)
{
    double reach = forest_reach(rows, count);
    begin_rows(script, rows, count);
    x_axis_title(script, x_title);
    fprintf(script,
            "set xrange [%.17g:%.17g]\nset xtics %.17g format '%%.2f'\n"
            "set object 1 rectangle from %g,graph 0 to %g,graph 1 fc rgb '%s' fs solid 1 noborder "
            "behind\n"
            "set arrow from 1,graph 0 to 1,graph 1 nohead lw 1.5 lc rgb '%s' back\n",
            1 - reach, 1 + reach, fmax(tic_step(2 * reach, 8), 0.01), 1 - LG_EQUIVALENCE_MARGIN,
            1 + LG_EQUIVALENCE_MARGIN, colour(LG_PALETTE_BAND), colour(LG_PALETTE_QUIET));
    for (size_t i = 0; i < count; i++)
        forest_row(script, &rows[i], i + 1, reach);
    fputs("plot NaN notitle\n", script);
}

/* Tics of 1, 2 and 5 times powers of ten from low to high, or only powers of ten where these are
 * many. */
static void log_tics(FILE *script, const char *axis, double low, double high)
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
        fprintf(script, "set label '' at %.17g,%zu point pt %d ps 1 lw 2 lc rgb '%s' front\n",
                value, y, row->twin ? 6 : 7, c);
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
    x_axis_title(script, x_title);
    if (bars) {
        double high = span.high > 0 ? span.high * 1.05 : 1;
        fprintf(script, "set xrange [0:%.17g]\nset xtics %.17g\n", high, tic_step(high, 8));
    } else {
        double low = span.low / 1.4, high = span.high * 1.4;
        fprintf(script, "set logscale x\nset xrange [%.17g:%.17g]\n", low, high);
        log_tics(script, "x", low, high);
    }
    for (size_t i = 0; i < count; i++)
        cost_row(script, &rows[i], i + 1, scale, bars);
    fputs("plot NaN notitle\n", script);
    return bars;
}

/* The corners of a curve as "1/(1-q) microseconds" lines. A bucket's highest value holds up to the
 * share of calls at or below it. Neighbours that a reader could not tell apart are left out. */
static void curve_points(FILE *script, const struct lg_histogram *histogram, struct span *x,
                         struct span *y)
{
    double total = (double)histogram->count, below = 0, last = 0;
    for (size_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        if (histogram->counts[i] == 0)
            continue;
        double us = (double)lg_histogram_highest(i) / 1e3, slower = total - below;
        below += (double)histogram->counts[i];
        if (slower < LEAST_SLOWER)
            break;
        double at = total / slower;
        if (last > 0 && at < last * 1.01 && at > 1)
            continue;
        last = at;
        fprintf(script, "%.6g %.6g\n", at, us);
        x->high = fmax(x->high, at);
        y->low = fmin(y->low, us);
        y->high = fmax(y->high, us);
    }
}

static void percentile_tics(FILE *script, double high)
{
    static const char *const labels[] = {"0",    "50",    "90",     "99",
                                         "99.9", "99.99", "99.999", "99.9999"};
    static const double at[] = {1, 2, 10, 100, 1e3, 1e4, 1e5, 1e6};
    fputs("set xtics (", script);
    for (size_t i = 0; i < sizeof(at) / sizeof(*at) && at[i] <= high * 1.01; i++)
        fprintf(script, "%s'%s' %g", i ? ", " : "", labels[i], at[i]);
    fputs(")\n", script);
}

/* Lines: the title of the vertical axis, the names of the lines above it. */
static void key_above(FILE *script, const char *y_title)
{
    fprintf(script,
            "set ylabel '%s' textcolor rgb '%s' offset -0.6,0\n"
            "set grid x y lt 1 lw 1 lc rgb '%s'\n"
            "set key above center horizontal Left reverse maxcols 3 samplen 2.4 spacing 1.2 width "
            "1 textcolor rgb '%s'\n"
            "set rmargin 3\nset bmargin 3.2\n",
            y_title, colour(LG_PALETTE_INK), colour(LG_PALETTE_GRID), colour(LG_PALETTE_INK));
}

void lg_chart_spectrum(FILE *script, const struct lg_chart_curve *curves, size_t count,
                       const char *x_title, const char *y_title)
{
    struct span x = {1, 2}, y = {INFINITY, 0};
    size_t key_rows = (count + 2) / 3;
    lg_plot_begin(script, WIDTH, (unsigned)(SPECTRUM_HEIGHT + 20 * key_rows));
    x_axis_title(script, x_title);
    key_above(script, y_title);
    fputs("set logscale xy\n", script);
    for (size_t i = 0; i < count; i++) {
        fprintf(script, "$curve%zu << EOD\n", i);
        curve_points(script, curves[i].histogram, &x, &y);
        fputs("EOD\n", script);
    }
    if (!isfinite(y.low))
        y = (struct span){1, 10};
    double low = y.low / 1.15, high = y.high * 1.15;
    fprintf(script, "set xrange [1:%.17g]\nset yrange [%.17g:%.17g]\n", x.high, low, high);
    percentile_tics(script, x.high);
    log_tics(script, "y", low, high);
    fputs("plot ", script);
    for (size_t i = 0; i < count; i++)
        fprintf(script, "%s$curve%zu using 1:2 with lines lw 2 dt %d lc rgb '%s' title '%s'",
                i ? ", " : "", i, curves[i].twin ? 2 : 1, arm_colour(curves[i].arm),
                curves[i].label);
    fputs("\n", script);
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
        log_tics(script, "y", y->low / 1.3, y->high * 1.3);
    } else {
        fprintf(script, "set yrange [0:%.17g]\nset ytics %.17g\n", y->high * 1.1,
                tic_step(y->high * 1.1, 6));
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
    x_axis_title(script, x_title);
    key_above(script, y_title);
    growth_axes(script, tics, tic_count, &y, logarithmic);
    for (size_t i = 0; i < count; i++) {
        fprintf(script, "$line%zu << EOD\n", i);
        for (size_t k = 0; k < lines[i].count; k++) {
            const struct lg_interval *v = &lines[i].values[k];
            double low = v->bounded ? fmax(v->low, logarithmic ? y.low / 1.3 : 0) : v->estimate;
            fprintf(script, "%.17g %.6g %.6g %.6g\n", lines[i].x[k], v->estimate, low,
                    v->bounded ? v->high : v->estimate);
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
    x_axis_title(script, x_title);
    fprintf(script,
            "set tmargin 2.2\n"
            "set xrange [0:%.17g]\nset xtics %.17g\n",
            high, tic_step(high, 8));
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
