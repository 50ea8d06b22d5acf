/* Two studies side by side: what a new commit, or another machine, does to each arm. */
#ifndef LG_REPORT_COMPARE_H
#define LG_REPORT_COMPARE_H

#include "report_summary.h"

#include <stdio.h>

/* One measure of an arm under a scenario and a load that both studies have. */
struct lg_compare_row {
    size_t scenario, load, arm; /* of the first study's design */
    enum lg_metric metric;
    struct lg_interval values[2]; /* as in the reports */
    struct lg_interval ratio;     /* second / first: lg_two_ratio_interval() of their trials */
    double p;                     /* Mann-Whitney, by Holm over all rows; NaN: none */
    enum lg_verdict verdict;      /* lg_judge_pair() of the second */
    bool slower;  /* worse, and by more than LG_EQUIVALENCE_MARGIN by the estimate */
    bool trusted; /* both cells are: else neither interval nor verdict */
};

struct lg_compare {
    struct lg_compare_row *rows; /* owned */
    size_t count;
    unsigned slower, trusted; /* rows */
    unsigned judged;          /* rows with an interval: of the others nothing can be said */
    unsigned missing;         /* rows that the second study does not have */
};

/* Throughput and CPU of closed loads, p50 and p99 of open ones. EVD_ERR_BAD_DATA if the two have no
 * arm under the same scenario and load in common; EVD_ERR_NO_MEMORY. */
int lg_compare_make(const struct lg_summary *first, const struct lg_summary *second,
                    struct lg_compare *ret_compare, struct evd_error *ret_error);

void lg_compare_release(struct lg_compare *compare);

/* Reads both folders and writes the comparison to `out`, as text or as JSON
 * (evdispatch.compare/1). *ret_status, for a program to end with: 1 where a row is slower, 3 where
 * none has an interval, else 0. */
int lg_compare_print(const char *const dirs[2], bool json, FILE *out, int *ret_status,
                     struct evd_error *ret_error);

#endif
