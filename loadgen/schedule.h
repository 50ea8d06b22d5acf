/* When each request of an open loop is due: a pure function of rates, arrivals and seed.
 *
 * A schedule is a cursor over the sequence of arrivals 0, 1, 2, … of the whole run; a thread walks
 * every `stride`-th of them from `first`, so the threads share one sequence whatever their number,
 * and copying a schedule makes a second cursor over the same one. No clock is read here. */
#ifndef LG_SCHEDULE_H
#define LG_SCHEDULE_H

#include "rng.h"

#include <stdbool.h>

enum lg_arrivals {
    LG_ARRIVALS_CONSTANT, /* i is due exactly floor(i / rate) after the start: never accumulated */
    LG_ARRIVALS_POISSON,  /* gaps exponentially distributed with mean 1 / rate, from the seed */
    LG_ARRIVALS_BURST,    /* evenly spaced in bursts, and nothing between two of them */
};

#define LG_RATE_UNIT 1000000          /* rates are integers: requests per LG_RATE_UNIT seconds */
#define LG_RATE_MIN  1000             /* 0.001 a second */
#define LG_RATE_MAX  10000000000000ll /* 10,000,000 a second */

#define LG_STEPS_MAX 64
#define LG_BURST_MIN UINT64_C(1000000)       /* ns */
#define LG_BURST_MAX UINT64_C(3600000000000) /* ns */

/* A rate that changes: segments, one after the other, the last without an end. */
struct lg_shape {
    unsigned count;
    struct lg_segment {
        uint64_t from_ns, length_ns; /* since the start */
        uint64_t rate, to_rate;      /* at its begin, and, linearly, at its end */
        unsigned __int128 before;    /* arrivals before it, in 1 / (10^9 LG_RATE_UNIT) of one */
    } segments[LG_STEPS_MAX + 2];
};

/* "constant", "poisson", "burst". */
const char *lg_arrivals_name(enum lg_arrivals arrivals);

/* From `from` to `to` linearly within duration_ns > 0, after warmup_ns at `from`, and at `to`
 * afterwards. Both are multiples of LG_RATE_UNIT: whole requests a second. */
void lg_shape_ramp(struct lg_shape *shape, uint64_t from, uint64_t to, uint64_t warmup_ns,
                   uint64_t duration_ns);

/* `count` rates, 1 to LG_STEPS_MAX, each for its equal part of duration_ns >= count (part k begins
 * at floor(k duration / count)); the first during warmup_ns as well, the last for ever. */
void lg_shape_steps(struct lg_shape *shape, const uint64_t *rates, unsigned count,
                    uint64_t warmup_ns, uint64_t duration_ns);

struct lg_schedule {
    enum lg_arrivals arrivals;
    const struct lg_shape *shape; /* borrowed; NULL: one rate */
    unsigned segment;             /* of the shape, that the last arrival was in */
    uint64_t on_us, period_us;    /* bursts */
    unsigned __int128 passed;     /* Poisson with a shape: arrivals, as in lg_segment, x 1,024 */
    uint64_t rate;                /* LG_RATE_MIN to LG_RATE_MAX */
    uint64_t start_ns;
    uint64_t stride;
    uint64_t index;  /* of the arrival this cursor is at */
    uint64_t due_ns; /* and when it is due */
    /* Poisson: time since the start in 1/1,024 ns, so that rounding never shows. */
    uint64_t elapsed;
    struct lg_rng rng;
};

/* start_ns: any clock. first < stride. */
void lg_schedule_init(struct lg_schedule *schedule, enum lg_arrivals arrivals, uint64_t rate,
                      uint64_t seed, uint64_t start_ns, uint64_t first, uint64_t stride);

/* The same with a rate that changes. Constant arrivals: i is due at the floor of the time at which
 * the integral of the rate is i. Poisson: at that of a sum of exponential variates of mean 1, which
 * makes the Poisson process of that rate (inversion; Cinlar 1975). shape stays borrowed, by copies
 * too. */
void lg_schedule_init_shape(struct lg_schedule *schedule, enum lg_arrivals arrivals,
                            const struct lg_shape *shape, uint64_t seed, uint64_t start_ns,
                            uint64_t first, uint64_t stride);

/* Bursts of on_ns, each followed by off_ns without arrivals; `rate` is the mean of both, so that in
 * a burst it is rate (on + off) / on. on_ns and off_ns: LG_BURST_MIN to LG_BURST_MAX, in whole us
 * (the rest is cut off). */
void lg_schedule_init_burst(struct lg_schedule *schedule, uint64_t rate, uint64_t on_ns,
                            uint64_t off_ns, uint64_t start_ns, uint64_t first, uint64_t stride);

/* Moves to this cursor's next arrival. */
void lg_schedule_next(struct lg_schedule *schedule);

#endif
