/* Counts of many comparisons: how many are too many, and how far shares of them reach.
 *
 * Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of
 * the binomial"; Kolmogorov (1933), with the finite-sample form of Stephens (1970), "Use of the
 * Kolmogorov-Smirnov, Cramer-von Mises and related statistics without extensive tables". */
#ifndef LG_STATS_COUNT_H
#define LG_STATS_COUNT_H

#include "stats.h"

/* P(X >= hits) of `of` trials that each hit with `chance`. */
double lg_binomial_least(unsigned hits, unsigned of, double chance);

/* The least count that is exceeded with a probability of at most `tail`. */
unsigned lg_binomial_limit(unsigned of, double chance, double tail);

/* The share of hits, with the exact 95 % interval; without one, and NaN, where `of` is 0. */
struct lg_interval lg_share_interval(unsigned hits, unsigned of);

/* How often a sample of n from a continuous distribution is at least `distance` away from it, by
 * the largest difference of the distribution functions. Of a distribution of few values it is less
 * often: then this is an upper bound (Conover 1972). */
double lg_kolmogorov_p(double distance, unsigned n);

#endif
