/* What a search came to, and how it is told. */
#ifndef LG_SLO_OUTPUT_H
#define LG_SLO_OUTPUT_H

#include "slo_options.h"

#include <stdio.h>

/* One run of the search. */
struct lg_slo_run {
    uint64_t rate; /* per LG_RATE_UNIT seconds */
    uint64_t seed, duration_ns;
    double worst;                          /* as for lg_slo_take() */
    uint64_t quantiles[LG_OBJECTIVES_MAX]; /* ns, of the responses, as the objectives are */
    struct lg_account account;             /* measured window */
    double throughput;
    char why[256]; /* INVALID: why; else "" */
};

struct lg_slo_search {
    const struct lg_slo_options *options;
    struct lg_slo slo;
    struct lg_slo_view view; /* where it ended */
    int interrupted;         /* the signal, or 0 */
    char started[32];
    struct lg_slo_run runs[LG_SLO_RUNS_MAX]; /* slo.runs of them, in order */
};

/* "p99.9" */
const char *lg_slo_name(const struct lg_objective *objective, char ret_name[16]);

/* For people: each rate with its runs, then the answer in a sentence. */
void lg_slo_table(const struct lg_slo_search *search, FILE *out);

/* For programs: schema evdispatch.slo/1 of docs/MEASURING.md, one line. EVD_ERR_NO_MEMORY,
 * EVD_ERR_SYSTEM (writing failed). */
int lg_slo_json(const struct lg_slo_search *search, FILE *out);

/* The curve, an SVG file. EVD_ERR_SYSTEM (no gnuplot, writing failed), EVD_ERR_NO_MEMORY. */
int lg_slo_svg(const struct lg_slo_search *search, const char *path, struct evd_error *ret_error);

/* The answer: "p99 <= 5.00 ms holds up to a rate between 8,000/s and 8,300/s". */
void lg_slo_answer(const struct lg_slo_search *search, FILE *out);

/* The exit status. */
int lg_slo_status(const struct lg_slo_search *search);

#endif
