/* How p are spread, against how those of equal arms are. */
#include "plot.h"
#include "plot_charts.h"
#include "plot_parts.h"

enum { HEIGHT = 400 };

static void put_steps(FILE *script, const struct lg_chart_steps *steps, size_t index)
{
    fprintf(script, "$p%zu << EOD\n0 0\n", index);
    for (size_t i = 0; i < steps->count; i++)
        fprintf(script, "%.6g %.6g\n", steps->p[i], (double)(i + 1) / (double)steps->count);
    fputs("1 1\nEOD\n", script);
}

void lg_chart_uniform(FILE *script, const struct lg_chart_steps *steps, size_t count, double band,
                      const char *x_title, const char *y_title)
{
    lg_plot_begin(script, LG_PLOT_WIDTH, HEIGHT);
    lg_plot_x_title(script, x_title);
    lg_plot_key_above(script, y_title);
    fputs("set xrange [0:1]\nset yrange [0:1]\nset xtics 0.1\nset ytics 0.2\n", script);
    for (size_t i = 0; i < count; i++)
        put_steps(script, &steps[i], i);
    fprintf(script,
            "$band << EOD\n0 %.6g %.6g\n1 %.6g %.6g\nEOD\n"
            "plot $band using 1:2:3 with filledcurves fs solid 1 noborder lc rgb '%s' notitle, "
            "x with lines dt 2 lw 1.6 lc rgb '%s' title 'arms that are the same'",
            -band, band, 1 - band, 1 + band, lg_palette_light(LG_PALETTE_BAND),
            lg_palette_light(LG_PALETTE_QUIET));
    for (size_t i = 0; i < count; i++)
        fprintf(script, ", $p%zu using 1:2 with steps lw 2 lc rgb '%s' title '%s'", i,
                lg_palette_light(lg_palette_arm(steps[i].arm)), steps[i].label);
    fputs("\n", script);
}
