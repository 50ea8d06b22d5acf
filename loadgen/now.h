/* The one clock of a run. */
#ifndef LG_NOW_H
#define LG_NOW_H

#include <stdint.h>
#include <time.h>

#define LG_SECOND UINT64_C(1000000000) /* in ns */

/* CLOCK_MONOTONIC in ns: what timerfd's absolute times are given in. */
static inline uint64_t lg_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * LG_SECOND + (uint64_t)now.tv_nsec;
}

#endif
