/* The statistics of a study. The unit is the trial, never the request.
 *
 * Intervals are 95 % ones unless their `coverage` says otherwise. Student (1908), "The probable
 * error of a mean", for means; the order-statistic interval for medians (Conover, "Practical
 * Nonparametric Statistics", 3.2). No interval, no ranking: where `bounded` is false, `low` and
 * `high` mean nothing and lg_judge() answers LG_UNRESOLVED. */
#ifndef LG_STATS_H
#define LG_STATS_H

#include <stdbool.h>
#include <stddef.h>

struct lg_interval {
    double estimate;  /* NaN when n is 0 */
    double low, high; /* only when bounded */
    double coverage;  /* 0.95, or what the data allow (medians of few trials) */
    double spread;    /* standard error, on the log scale for ratios; 0 for medians */
    size_t n;         /* trials, or pairs */
    bool bounded;
};

/* Quantile p in (0, 1) of Student's t with dof > 0 degrees of freedom. */
double lg_t_quantile(double p, double dof);

/* Geometric mean, with Student's interval of the mean logarithm from n >= 2 on: for what cannot be
 * below zero. What is not finite and > 0 is left out. */
struct lg_interval lg_geometric_interval(const double *x, size_t n);

/* Median, between two order statistics: the narrowest such interval of at least 95 %, or, for too
 * few trials, smallest to largest if that covers at least 90 % (n = 5: 93.75 %), else none. Sorts a
 * copy: x is left alone. Without memory, or with n = 0, the estimate is NaN. */
struct lg_interval lg_median_interval(const double *x, size_t n);

/* The same for percentiles, of which a mean is none: of two in the middle, the lower. */
struct lg_interval lg_middle_interval(const double *x, size_t n);

/* The smallest change, as a fraction (0.03: three per cent), that a study with this interval's
 * spread would have shown in 80 % of its repetitions. NaN where there is no interval. */
double lg_detectable(const struct lg_interval *ratio);

enum lg_verdict { LG_UNRESOLVED, LG_EQUIVALENT, LG_BETTER, LG_WORSE };

/* Half the width of the band that counts as "no difference that matters": 2 %. */
#define LG_EQUIVALENCE_MARGIN 0.02

/* Equivalent: the whole interval lies in 1 +- margin. Else better or worse: it does not hold 1.
 * Else unresolved. higher_is_better: true for throughput, false for costs and latencies. */
enum lg_verdict lg_judge(const struct lg_interval *ratio, bool higher_is_better);

/* The level of a family of comparisons: Holm's adjusted p are held against it. */
#define LG_FAMILY_LEVEL 0.05

/* The same, but better or worse only if adjusted_p is at most LG_FAMILY_LEVEL, too: with NaN never.
 */
enum lg_verdict lg_judge_pair(const struct lg_interval *ratio, double adjusted_p,
                              bool higher_is_better);

/* Whether there is an interval, and it does not hold 1. */
bool lg_interval_off_one(const struct lg_interval *ratio);

#endif
