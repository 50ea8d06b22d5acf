#include "plot.h"
#include "plot_charts.h"
#include "plot_parts.h"
#include "report_format.h"

#include <math.h>

enum { HEIGHT = 400 };

const double lg_chart_marks[LG_CHART_MARKS] = {0.5, 0.9, 0.99, 0.999, 0.9999};
const char *const lg_chart_mark_names[LG_CHART_MARKS] = {"p50", "p90", "p99", "p99.9", "p99.99"};

struct range {
    double x, low, high; /* x from 1; y */
};

static const char *arm_colour(size_t arm)
{
    return lg_palette_light(lg_palette_arm(arm));
}

/* The corners of a curve as "1/(1-q) microseconds" lines. A bucket's highest value holds up to the
 * share of calls at or below it. Neighbours that a reader could not tell apart are left out. */
static void put_corners(FILE *script, const struct lg_histogram *histogram, struct range *range)
{
    double total = (double)histogram->count, below = 0, last = 0;
    for (size_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        if (histogram->counts[i] == 0)
            continue;
        double us = (double)lg_histogram_highest(i) / 1e3, slower = total - below;
        below += (double)histogram->counts[i];
        if (slower < LG_CHART_LEAST_SLOWER)
            break;
        double at = total / slower;
        if (last > 0 && at < last * 1.01 && at > 1)
            continue;
        last = at;
        fprintf(script, "%.6g %.6g\n", at, us);
        range->x = fmax(range->x, at);
        range->low = fmin(range->low, us);
        range->high = fmax(range->high, us);
    }
}

static void put_band(FILE *script, const struct lg_chart_curve *curve, struct range *range)
{
    for (size_t k = 0; k < curve->band_count; k++) {
        const struct lg_interval *v = &curve->band[k];
        if (!v->bounded || !(v->low > 0))
            continue;
        fprintf(script, "%.6g %.6g %.6g\n", curve->at[k], v->low / 1e3, v->high / 1e3);
        range->low = fmin(range->low, v->low / 1e3);
        range->high = fmax(range->high, v->high / 1e3);
    }
}

/* Points that tell their figures. */
static void put_marks(FILE *script, const struct lg_chart_curve *curve)
{
    for (size_t k = 0; k < LG_CHART_MARKS; k++) {
        const struct lg_interval *v = &curve->marks[k];
        char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
        if (!isfinite(v->estimate))
            continue;
        lg_print_value(v->estimate, LG_UNIT_US, value);
        lg_print_bounds(v, LG_UNIT_US, bounds);
        fprintf(script, "%.6g %.6g \"%s, %s: %s %s\"\n", 1 / (1 - lg_chart_marks[k]),
                v->estimate / 1e3, curve->label, lg_chart_mark_names[k], value, bounds);
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

static void put_data(FILE *script, const struct lg_chart_curve *curves, size_t count,
                     struct range *range)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(script, "$band%zu << EOD\n", i);
        put_band(script, &curves[i], range);
        fprintf(script, "EOD\n$curve%zu << EOD\n", i);
        put_corners(script, curves[i].histogram, range);
        fprintf(script, "EOD\n$marks%zu << EOD\n", i);
        put_marks(script, &curves[i]);
        fputs("EOD\n", script);
    }
}

static bool has_band(const struct lg_chart_curve *curve)
{
    for (size_t k = 0; k < curve->band_count; k++)
        if (curve->band[k].bounded)
            return true;
    return false;
}

static bool has_marks(const struct lg_chart_curve *curve)
{
    for (size_t k = 0; k < LG_CHART_MARKS; k++)
        if (isfinite(curve->marks[k].estimate))
            return true;
    return false;
}

void lg_chart_spectrum(FILE *script, const struct lg_chart_curve *curves, size_t count,
                       const char *x_title, const char *y_title)
{
    struct range range = {2, INFINITY, 0};
    const char *between = "plot ";
    lg_plot_begin(script, LG_PLOT_WIDTH, (unsigned)(HEIGHT + 20 * ((count + 2) / 3)));
    lg_plot_x_title(script, x_title);
    lg_plot_key_above(script, y_title);
    fputs("set logscale xy\n", script);
    put_data(script, curves, count, &range);
    if (!isfinite(range.low))
        range = (struct range){range.x, 1, 10};
    double low = range.low / 1.15, high = range.high * 1.15;
    fprintf(script, "set xrange [1:%.17g]\nset yrange [%.17g:%.17g]\n", range.x, low, high);
    percentile_tics(script, range.x);
    lg_plot_log_tics(script, "y", low, high);
    for (size_t i = 0; i < count; i++, between = ", ")
        if (has_band(&curves[i]))
            fprintf(script,
                    "%s$band%zu using 1:2:3 with filledcurves fs transparent solid 0.13 noborder "
                    "lc rgb '%s' notitle",
                    between, i, arm_colour(curves[i].arm));
        else
            fprintf(script, "%sNaN notitle", between);
    for (size_t i = 0; i < count; i++)
        fprintf(script, ", $curve%zu using 1:2 with lines lw 2 dt %d lc rgb '%s' title '%s'", i,
                curves[i].twin ? 2 : 1, arm_colour(curves[i].arm), curves[i].label);
    for (size_t i = 0; i < count; i++)
        if (has_marks(&curves[i]))
            fprintf(script,
                    ", $marks%zu using 1:2:3 with labels hypertext point pt 7 ps 0.6 lc rgb '%s' "
                    "notitle",
                    i, arm_colour(curves[i].arm));
    fputs("\n", script);
}
