#include "plot.h"
#include "plot_charts.h"
#include "plot_parts.h"
#include "report_format.h"

#include <math.h>

enum { HEIGHT = 380 };

static const char *arm_colour(size_t arm)
{
    return lg_palette_light(lg_palette_arm(arm));
}

static void put_line(FILE *script, const struct lg_chart_line *line, size_t index)
{
    fprintf(script, "$line%zu << EOD\n", index);
    for (size_t k = 0; k < line->count; k++) {
        const struct lg_interval *v = &line->values[k];
        fprintf(script, "%.6g %.6g %.6g %.6g\n", line->x[k], v->estimate,
                fmax(v->bounded ? v->low : v->estimate, LG_CHART_COST_LEAST),
                fmax(v->bounded ? v->high : v->estimate, LG_CHART_COST_LEAST));
    }
    fputs("EOD\n", script);
}

/* Every fourth point tells its figures. */
static void put_points(FILE *script, const struct lg_chart_line *line)
{
    for (size_t k = 0; k < line->count; k += 4) {
        const struct lg_interval *v = &line->values[k];
        char at[LG_PRINT_MAX], cost[LG_PRINT_MAX];
        if (!(v->estimate >= LG_CHART_COST_LEAST))
            continue;
        fprintf(script,
                "set label '%s, handler %.40s longer: %s%.40s %%' at %.6g,%.6g hypertext point pt "
                "7 ps 0.35 lc rgb '%s' front\n",
                line->label, lg_print_value(line->x[k], LG_UNIT_TIME, at),
                v->bounded ? "" : "at most ", lg_print_number(v->estimate, cost), line->x[k],
                v->estimate, arm_colour(line->arm));
    }
}

static void put_limit(FILE *script, double limit)
{
    fprintf(script,
            "set arrow from graph 0,first %g to graph 1,first %g nohead dt 2 lw 1.6 lc rgb '%s' "
            "back\nset label '%g %%' at graph 0.995,first %g right offset 0,0.6 textcolor rgb "
            "'%s'\n",
            limit, limit, lg_palette_light(LG_PALETTE_QUIET), limit, limit,
            lg_palette_light(LG_PALETTE_QUIET));
}

void lg_chart_breakeven(FILE *script, const struct lg_chart_line *lines, size_t count,
                        const char *x_title, const char *y_title)
{
    /* Circle, square, triangle and so on: two dashed lines of like colours are told apart. */
    static const int shapes[] = {7, 5, 9, 13, 11, 6, 4, 8};
    double high = 20;
    lg_plot_begin(script, LG_PLOT_WIDTH, (unsigned)(HEIGHT + 20 * ((count + 2) / 3)));
    lg_plot_x_title(script, x_title);
    lg_plot_key_above(script, y_title);
    for (size_t i = 0; i < count; i++) {
        put_line(script, &lines[i], i);
        put_points(script, &lines[i]);
        for (size_t k = 0; k < lines[i].count; k++)
            high = fmax(high, lines[i].values[k].bounded ? lines[i].values[k].high
                                                         : lines[i].values[k].estimate);
    }
    put_limit(script, 1);
    put_limit(script, 5);
    fprintf(script,
            "set logscale xy\nset xrange [99:1.01e9]\nset yrange [%g:%.6g]\n"
            "set xtics ('100 ns' 1e2, '1 µs' 1e3, '10 µs' 1e4, '100 µs' 1e5, '1 ms' 1e6, '10 ms' "
            "1e7, '100 ms' 1e8, '1 s' 1e9)\nset ytics (",
            LG_CHART_COST_LEAST, high * 1.3);
    for (double at = LG_CHART_COST_LEAST; at <= high * 1.3; at *= 10) {
        char text[LG_PRINT_MAX];
        fprintf(script, "%s'%s %%%%' %.6g", at > LG_CHART_COST_LEAST ? ", " : "",
                lg_print_tic(at, text), at);
    }
    fputs(")\nset style fill transparent solid 0.2 noborder\nplot NaN notitle", script);
    for (size_t i = 0; i < count; i++)
        if (lines[i].count > 0 && lines[i].values[0].bounded)
            fprintf(script, ", $line%zu using 1:3:4 with filledcurves fc rgb '%s' notitle", i,
                    arm_colour(lines[i].arm));
    for (size_t i = 0; i < count; i++)
        fprintf(script,
                ", $line%zu using 1:2 with linespoints pi 8 lw 2 %s pt %d ps 0.8 lc rgb '%s' title "
                "'%s'",
                i, lines[i].count > 0 && lines[i].values[0].bounded ? "" : "dt 2",
                shapes[i % (sizeof(shapes) / sizeof(*shapes))], arm_colour(lines[i].arm),
                lines[i].label);
    fputs("\n", script);
}
