/* The search for the highest rate under a service-level objective: which rate to measure next, and
 * when it is over. It knows of runs only what they came to: no clock, no socket, no randomness.
 *
 * The rate doubles until the objective is missed, then the bracket is halved. A run near the limit
 * is a toss, so a rate is decided by several: Wald's sequential probability ratio test (A. Wald,
 * "Sequential Analysis", 1947) of "meets it in at least 80 % of runs" against "in at most 20 %",
 * which comes to a lead of LG_SLO_LEAD runs. Where one of the two is so, the other is decided in at
 * most 1 of 65 cases (4^-3 to 1). A rate without such a lead after LG_SLO_RUNS_OF_ONE runs is
 * unclear: a part of the result's interval, not a point of it. A run far off the limit
 * (LG_SLO_FAR times) may steer the search by itself, but both ends of the result have their lead.
 */
#ifndef LG_SLO_H
#define LG_SLO_H

#include <stdbool.h>
#include <stdint.h>

#define LG_SLO_LEAD          3
#define LG_SLO_RUNS_OF_ONE   9   /* valid runs of one rate, at most */
#define LG_SLO_INVALID_MAX   5   /* INVALID runs of one rate in a row, then it is given up */
#define LG_SLO_FAR           2.0 /* of the limit, or its inverse */
#define LG_SLO_POINTS_MAX    128
#define LG_SLO_RUNS_MAX      500
#define LG_SLO_PRECISION_MIN 0.001
#define LG_SLO_PRECISION_MAX 0.5

struct lg_slo_config {
    uint64_t from, to; /* the lowest and the highest rate, per LG_RATE_UNIT seconds; from <= to */
    double precision;  /* of the interval: its width against its upper end */
    unsigned runs_max; /* 1 to LG_SLO_RUNS_MAX */
};

enum lg_slo_verdict {
    LG_SLO_OPEN, /* it takes another run */
    LG_SLO_MET,
    LG_SLO_MISSED,
    LG_SLO_UNCLEAR, /* some runs meet the objective, some miss it */
};

struct lg_slo_point {
    uint64_t rate;
    unsigned met, missed, invalid;
    unsigned invalid_row; /* since the last valid one */
    bool near;            /* a run came within LG_SLO_FAR of the limit */
};

struct lg_slo {
    struct lg_slo_config config;
    struct lg_slo_point points[LG_SLO_POINTS_MAX]; /* by ascending rate */
    unsigned count, runs;
};

enum lg_slo_state {
    LG_SLO_SEARCHING,
    LG_SLO_FOUND,        /* the limit is in [low, high] */
    LG_SLO_AT_LEAST,     /* never missed up to config.to: low */
    LG_SLO_UNREACHABLE,  /* missed, or unclear, at config.from: at most high */
    LG_SLO_UNMEASURABLE, /* `rate` was INVALID over and over */
    LG_SLO_OUT_OF_RUNS,
};

struct lg_slo_view {
    enum lg_slo_state state;
    uint64_t rate;      /* to measure next, when searching; or the one that could not be */
    uint64_t low, high; /* the highest rate that met it below the lowest that missed it; 0: none */
    bool unclear;       /* rates between them are unclear: the limit is a zone */
    bool uneven;        /* a rate above one that missed it met it */
};

void lg_slo_init(struct lg_slo *slo, const struct lg_slo_config *config);

/* Where the search stands. */
struct lg_slo_view lg_slo_look(const struct lg_slo *slo);

/* What a run at `rate`, the one last asked for, came to. worst: the greatest ratio of a measured
 * quantile to its limit, so that the objective is met up to 1; INFINITY when it was missed
 * otherwise; NAN when the run was INVALID. */
void lg_slo_take(struct lg_slo *slo, uint64_t rate, double worst);

/* *ret_sure: by the sequential test, not by a run far off the limit. */
enum lg_slo_verdict lg_slo_verdict(const struct lg_slo_point *point, bool *ret_sure);

#endif
