#include "plot.h"
#include "plot_charts.h"
#include "plot_parts.h"

#include "report_format.h"

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

/* ---- Arms. ---- */

static struct range offered_range(const struct lg_chart_offered *lines, size_t count, double limit,
                                  double *ret_widest)
{
    struct range y = {limit > 0 ? limit : (double)INFINITY, limit};
    *ret_widest = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lines[i].line.count; k++) {
            const struct lg_interval *v = &lines[i].line.values[k];
            y.low = fmin(y.low, v->bounded && v->low > 0 ? v->low : v->estimate);
            y.high = fmax(y.high, v->bounded ? v->high : v->estimate);
            *ret_widest = fmax(*ret_widest, lines[i].line.x[k]);
        }
    }
    y.low /= 1.3;
    y.high *= 1.3;
    return y;
}

/* Columns: x, value, low, high, 1 for a lower bound, 1 within the knee's bracket, what comes up
 * when it is pointed at. */
static void offered_data(FILE *script, const struct lg_chart_offered *line, size_t index,
                         double shift, const struct range *y)
{
    fprintf(script, "$offered%zu << EOD\n", index);
    for (size_t k = 0; k < line->line.count; k++) {
        const struct lg_interval *v = &line->line.values[k];
        bool bounded = v->bounded && !line->open[k];
        char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX], x[LG_PRINT_MAX];
        lg_print_figure(v, value, bounds);
        fprintf(script, "%.6g %.6g %.6g %.6g %d %d \"%s at %s: %s%s %s%s\"\n",
                line->line.x[k] + shift, v->estimate, bounded ? fmax(v->low, y->low) : v->estimate,
                bounded ? v->high : v->estimate, line->open[k], line->knee[k], line->line.label,
                lg_print_tic(line->line.x[k], x), line->open[k] ? "more than " : "", value,
                line->open[k] ? "" : bounds, line->knee[k] ? ", in the knee's bracket" : "");
    }
    fputs("EOD\n", script);
}

static bool has_marks(const struct lg_chart_offered *line, const bool *marks)
{
    for (size_t k = 0; k < line->line.count; k++)
        if (marks[k])
            return true;
    return false;
}

static void plot_offered(FILE *script, const struct lg_chart_offered *line, size_t index)
{
    static const int shapes[] = {7, 5, 9, 13, 11, 15, 7, 5}; /* beside the colour */
    int shape = shapes[line->line.arm % 8];
    const char *c = arm_colour(line->line.arm);
    fprintf(script,
            "$offered%zu using 1:2 with lines lw 1.6 dt %d lc rgb '%s' notitle, "
            "keyentry with linespoints lw 1.6 dt %d pt %d ps 0.8 lc rgb '%s' title '%s', ",
            index, line->line.twin ? 2 : 1, c, line->line.twin ? 2 : 1, shape, c, line->line.label);
    fprintf(
        script,
        "$offered%zu using 1:($5 > 0 ? NaN : $2):3:4 with yerrorbars lw 1.6 pt %d ps 0.8 lc rgb "
        "'%s' notitle, ",
        index, shape, c);
    if (has_marks(line, line->open))
        fprintf(
            script,
            "$offered%zu using 1:($5 > 0 ? $2 : NaN) with points lw 1.6 pt 8 ps 1.1 lc rgb '%s' "
            "notitle, ",
            index, c);
    if (has_marks(line, line->knee))
        fprintf(script,
                "$offered%zu using 1:($6 > 0 ? $2 : NaN) with points lw 1.6 pt 6 ps 2 lc rgb '%s' "
                "notitle, ",
                index, c);
    fprintf(script,
            "$offered%zu using 1:($5 > 0 ? NaN : $2):7 with labels hypertext point pt %d ps 0.8 lc "
            "rgb '%s' notitle, "
            "$offered%zu using 1:($5 > 0 ? $2 : NaN):7 with labels hypertext point pt 8 ps 1.1 lc "
            "rgb '%s' notitle, ",
            index, shape, c, index, c);
}

void lg_chart_offered(FILE *script, const struct lg_chart_offered *lines, size_t count,
                      double limit, const char *x_title, const char *y_title)
{
    double widest, step;
    struct range y = offered_range(lines, count, limit, &widest);
    lg_plot_begin(script, LG_PLOT_WIDTH, (unsigned)(HEIGHT + 20 * ((count + 2) / 3)));
    lg_plot_x_title(script, x_title);
    lg_plot_key_above(script, y_title);
    step = widest * 0.004;
    for (size_t i = 0; i < count; i++)
        offered_data(script, &lines[i], i, ((double)i - ((double)count - 1) / 2) * step, &y);
    fprintf(script,
            "set logscale y\nset xrange [%.6g:%.6g]\nset yrange [%.6g:%.6g]\n"
            "set xtics %.17g\nset bars 0.5\n",
            -0.02 * widest, widest * 1.04, y.low, y.high, lg_plot_tic_step(widest, 10));
    lg_plot_log_tics(script, "y", y.low, y.high);
    if (limit > 0)
        fprintf(script,
                "set arrow from graph 0,first %.6g to graph 1,first %.6g nohead dt 2 lw 1.8 lc rgb "
                "'%s'\nset label 'limit' at graph 0.01,first %.6g left offset 0,0.6 textcolor rgb "
                "'%s'\n",
                limit, limit, lg_palette_light(LG_PALETTE_INK), limit,
                lg_palette_light(LG_PALETTE_INK));
    fputs("plot ", script);
    for (size_t i = 0; i < count; i++)
        plot_offered(script, &lines[i], i);
    fputs("NaN notitle\n", script);
}
