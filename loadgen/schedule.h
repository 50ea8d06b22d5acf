/* When each request of an open loop is due: a pure function of rate, arrivals and seed.
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
};

#define LG_RATE_UNIT 1000000          /* rates are integers: requests per LG_RATE_UNIT seconds */
#define LG_RATE_MIN  1000             /* 0.001 a second */
#define LG_RATE_MAX  10000000000000ll /* 10,000,000 a second */

struct lg_schedule {
    enum lg_arrivals arrivals;
    uint64_t rate; /* LG_RATE_MIN to LG_RATE_MAX */
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

/* Moves to this cursor's next arrival. */
void lg_schedule_next(struct lg_schedule *schedule);

#endif
