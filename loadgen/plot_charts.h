/* The kinds of figures a report has, as gnuplot scripts. Labels hold no quotes and no control
 * characters: lg_design_read() sees to that. */
#ifndef LG_PLOT_CHARTS_H
#define LG_PLOT_CHARTS_H

#include "histogram.h"
#include "stats.h"

#include <stdbool.h>
#include <stdio.h>

struct lg_chart_row {
    const char *label;
    size_t arm; /* for its colour */
    bool twin;  /* an A/A arm: drawn open or dashed */
    struct lg_interval value;
    char text[96]; /* the figure in words, at the right of the row */
};

/* Ratios as points with intervals around 1, which is marked, as is the band of equivalence. A row
 * too far out to be shown is an arrow at the border, with its figure beside it as all have. */
void lg_chart_forest(FILE *script, const struct lg_chart_row *rows, size_t count,
                     const char *x_title);

/* Costs with intervals; `scale` makes of a row's value one in the unit of the axis. Bars from zero;
 * points on a logarithmic axis when the largest is more than eight times the smallest, because then
 * bars would hide what the small ones say. Returns whether it is bars. */
bool lg_chart_costs(FILE *script, const struct lg_chart_row *rows, size_t count, double scale,
                    const char *x_title);

enum {
    LG_CHART_MARKS = 5, /* percentiles that are told as figures */
    LG_CHART_BAND_MAX = 40,
    LG_CHART_LEAST_SLOWER = 10, /* calls above a percentile, for it to be shown */
};

extern const double lg_chart_marks[LG_CHART_MARKS]; /* 0.5 to 0.9999 */
extern const char *const lg_chart_mark_names[LG_CHART_MARKS];

struct lg_chart_curve {
    const char *label;
    size_t arm;
    bool twin;
    const struct lg_histogram *histogram; /* ns; not empty */
    size_t band_count;
    double at[LG_CHART_BAND_MAX];               /* 1/(1 - q), ascending */
    struct lg_interval band[LG_CHART_BAND_MAX]; /* ns; shown where bounded */
    struct lg_interval marks[LG_CHART_MARKS];   /* ns; NaN: too few calls for it */
};

/* Latency over percentile, both logarithmic, up to where fewer calls than LG_CHART_LEAST_SLOWER
 * were slower; intervals as bands. plot_spectrum.c. */
void lg_chart_spectrum(FILE *script, const struct lg_chart_curve *curves, size_t count,
                       const char *x_title, const char *y_title);

enum { LG_CHART_PARTS_MAX = 8 };

/* One bar of parts, end to end. */
struct lg_chart_stack {
    char label[96];
    double parts[LG_CHART_PARTS_MAX]; /* in the unit of the axis, 0 or more */
    char text[96];                    /* the figure in words, at the right of the row */
};

/* Bars from zero, with the names of their parts above. */
void lg_chart_stacks(FILE *script, const struct lg_chart_stack *rows, size_t count,
                     const char *const *parts, size_t part_count, const char *x_title);

enum { LG_CHART_POINTS_MAX = 64 };

/* A curve of growth: values, in the unit of the axis and above 0, at places x by ascending x. */
struct lg_chart_line {
    const char *label;
    size_t arm; /* for its colour */
    bool twin;  /* drawn dashed, where arms are lines */
    size_t count;
    double x[LG_CHART_POINTS_MAX];
    struct lg_interval values[LG_CHART_POINTS_MAX];
};

struct lg_chart_tic {
    double at; /* > 0 */
    char text[64];
};

/* Lines with intervals over a logarithmic axis; the other one starts at 0, or is logarithmic when
 * the largest value is more than eight times the smallest. Returns whether it is. */
bool lg_chart_growth(FILE *script, const struct lg_chart_line *lines, size_t count,
                     const struct lg_chart_tic *tics, size_t tic_count, const char *x_title,
                     const char *y_title);

#define LG_CHART_COST_LEAST 0.1 /* per cent: below it nobody looks */

/* Costs in per cent over the time of a handler in ns, both logarithmic, with lines at 1 and 5 %.
 * Lines whose values are bounded have a band, the others are dashed. plot_breakeven.c. */
void lg_chart_breakeven(FILE *script, const struct lg_chart_line *lines, size_t count,
                        const char *x_title, const char *y_title);

/* A quantile over offered load, and its limit. */
struct lg_chart_load {
    char label[48];
    size_t count;
    const double *x, *y; /* per second; ms, above 0; by ascending x */
    const bool *met;     /* the run met its objective: the point is filled */
    double limit;        /* ms */
};

/* Points and limits, latency on a logarithmic axis; low to high, where the limit was found to be,
 * is shaded (low 0: from the left border; high 0: up to the right one). */
void lg_chart_load(FILE *script, const struct lg_chart_load *loads, size_t count, double low,
                   double high);

/* An arm's quantile over offered load. */
struct lg_chart_offered {
    struct lg_chart_line line;      /* x: from 0 on; values above 0, by ascending x */
    bool open[LG_CHART_POINTS_MAX]; /* a lower bound: drawn as an open triangle, without interval */
    bool knee[LG_CHART_POINTS_MAX]; /* in the bracket of the knee: a ring */
};

/* Lines with intervals from 0 on, latency on a logarithmic axis; a dashed line at the limit, in the
 * unit of the axis, 0 for none. Points of one x stand a little side by side. plot_load.c, too. */
void lg_chart_offered(FILE *script, const struct lg_chart_offered *lines, size_t count,
                      double limit, const char *x_title, const char *y_title);

/* The p of comparisons, ascending; borrowed. */
struct lg_chart_steps {
    const char *label;
    size_t arm; /* for its colour */
    size_t count;
    const double *p;
};

/* The share of them that are at most as large, over p, beside the diagonal of equal arms and a band
 * of half width `band` around it. plot_uniform.c. */
void lg_chart_uniform(FILE *script, const struct lg_chart_steps *steps, size_t count, double band,
                      const char *x_title, const char *y_title);

/* One trial of an arm. */
struct lg_chart_trial {
    double x, y;    /* y > 0, or NaN: not drawn */
    bool open;      /* INVALID: drawn open */
    unsigned block; /* from 1; not drawn */
    char text[96];
};

/* Trials in the order they ran; `trials` is borrowed. */
struct lg_chart_series {
    const char *label;
    size_t arm, count;
    const struct lg_chart_trial *trials;
};

/* Trials as points over the order they ran in; the vertical axis is logarithmic, around 1. Their
 * texts come up where they are pointed at, if there are not more than LG_CHART_HOVER_MAX. */
void lg_chart_order(FILE *script, const struct lg_chart_series *series, size_t count,
                    const char *x_title, const char *y_title);

/* Lines over the time within a trial: x are the middles of its equal parts, from 0 on, and each has
 * a tic that names it; a part with a NaN for a value is a gap. Bands where bounded; the vertical
 * axis is logarithmic. */
void lg_chart_over_time(FILE *script, const struct lg_chart_line *lines, size_t count,
                        const struct lg_chart_tic *tics, size_t tic_count, const char *x_title,
                        const char *y_title);

enum { LG_CHART_HOVER_MAX = 1500, LG_CHART_PAIRS_MAX = 100, LG_CHART_PANELS_MAX = 8 };

/* Two arms, block by block: [0] the reference's value, [1] the arm's, both > 0. */
struct lg_chart_panel {
    const char *label;
    size_t arm, count;
    double values[LG_CHART_PAIRS_MAX][2];
    double middle[2]; /* a typical pair, drawn bold */
    char texts[LG_CHART_PAIRS_MAX][96];
};

/* A line for each block from the reference's value to the arm's, side by side for each arm; the
 * vertical axis is logarithmic. plot_trials.c has all three. */
void lg_chart_slopes(FILE *script, const struct lg_chart_panel *panels, size_t count,
                     const char *reference, const char *y_title);

#endif
