#include "plot.h"
#include "plot_charts.h"
#include "plot_parts.h"

#include <math.h>

enum { HEIGHT = 400 };

struct range {
    double low, high;
};

static const char *arm_colour(size_t arm)
{
    return lg_palette_light(lg_palette_arm(arm));
}

/* Filled points met the objective. A block without points would be an error to gnuplot. */
static void load_points(FILE *script, const struct lg_chart_load *load, size_t index, bool met)
{
    fprintf(script, "$load%zu_%d << EOD\n", index, met);
    for (size_t k = 0; k < load->count; k++)
        if (load->met[k] == met)
            fprintf(script, "%.17g %.6g\n", load->x[k], load->y[k]);
    fputs("EOD\n", script);
}

static bool has_points(const struct lg_chart_load *load, bool met)
{
    for (size_t k = 0; k < load->count; k++)
        if (load->met[k] == met)
            return true;
    return false;
}

static void plot_load(FILE *script, const struct lg_chart_load *load, size_t index)
{
    static const int shapes[][2] = {{6, 7}, {4, 5}, {8, 9}, {12, 13}}; /* missed, met */
    const int *shape = shapes[index % 4];
    fprintf(script, "keyentry with points pt %d ps 0.8 lc rgb '%s' title '%s', ", shape[1],
            arm_colour(index), load->label);
    for (int met = 0; met < 2; met++)
        if (has_points(load, met))
            fprintf(script,
                    "$load%zu_%d using 1:2 with points pt %d ps 0.8 lw 1.6 lc rgb '%s' notitle, ",
                    index, met, shape[met], arm_colour(index));
}

/* What a reader looks for first: the limits, and where the answer is. */
static void load_marks(FILE *script, const struct lg_chart_load *loads, size_t count, double low,
                       double high)
{
    char left[40], right[40];
    snprintf(left, sizeof(left), low > 0 ? "first %.17g" : "graph 0", low);
    snprintf(right, sizeof(right), high > 0 ? "first %.17g" : "graph 1", high);
    fprintf(script,
            "set object rectangle from %s,graph 0 to %s,graph 1 fc rgb '%s' fs solid 1 noborder "
            "behind\n",
            left, right, lg_palette_light(LG_PALETTE_BAND));
    for (size_t i = 0; i < count; i++)
        fprintf(script,
                "set arrow from graph 0,first %.17g to graph 1,first %.17g nohead dt 2 lw 1.6 lc "
                "rgb '%s'\n",
                loads[i].limit, loads[i].limit, arm_colour(i));
}

void lg_chart_load(FILE *script, const struct lg_chart_load *loads, size_t count, double low,
                   double high)
{
    double widest = fmax(fmax(high, low), 1);
    struct range y = {INFINITY, 0};
    lg_plot_begin(script, LG_PLOT_WIDTH, (unsigned)(HEIGHT + 20 * ((count + 2) / 3)));
    lg_plot_x_title(script, "offered load, requests a second");
    lg_plot_key_above(script, "response, ms");
    for (size_t i = 0; i < count; i++) {
        load_points(script, &loads[i], i, false);
        load_points(script, &loads[i], i, true);
        y.low = fmin(y.low, loads[i].limit);
        y.high = fmax(y.high, loads[i].limit);
        for (size_t k = 0; k < loads[i].count; k++) {
            widest = fmax(widest, loads[i].x[k]);
            y.low = fmin(y.low, loads[i].y[k]);
            y.high = fmax(y.high, loads[i].y[k]);
        }
    }
    fprintf(script,
            "set logscale y\nset xrange [0:%.17g]\nset yrange [%.17g:%.17g]\n"
            "set xtics %.17g\n",
            widest * 1.05, y.low / 1.3, y.high * 1.3, lg_plot_tic_step(widest * 1.05, 8));
    lg_plot_log_tics(script, "y", y.low / 1.3, y.high * 1.3);
    load_marks(script, loads, count, low, high);
    fputs("plot ", script);
    for (size_t i = 0; i < count; i++)
        plot_load(script, &loads[i], i);
    fputs("NaN notitle\n", script);
}
