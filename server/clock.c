#include "clock.h"

#include <time.h>

uint64_t evd_now_coarse(void)
{
    /* Not ev_now(): that is the wall clock, which jumps. */
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
