#include "schedule.h"

#include <math.h>

#define NS_PER_RATE_UNIT (UINT64_C(1000000000) * LG_RATE_UNIT)

static uint64_t constant_due(const struct lg_schedule *schedule)
{
    unsigned __int128 scaled = (unsigned __int128)schedule->index * NS_PER_RATE_UNIT;

    return schedule->start_ns + (uint64_t)(scaled / schedule->rate);
}

static void poisson_step(struct lg_schedule *schedule, uint64_t arrivals)
{
    double mean = (double)NS_PER_RATE_UNIT * 1024.0 / (double)schedule->rate;

    for (uint64_t i = 0; i < arrivals; i++)
        schedule->elapsed += (uint64_t)(-log(lg_rng_unit(&schedule->rng)) * mean);
    schedule->due_ns = schedule->start_ns + schedule->elapsed / 1024;
}

void lg_schedule_init(struct lg_schedule *schedule, enum lg_arrivals arrivals, uint64_t rate,
                      uint64_t seed, uint64_t start_ns, uint64_t first, uint64_t stride)
{
    schedule->arrivals = arrivals;
    schedule->rate = rate;
    schedule->start_ns = start_ns;
    schedule->stride = stride;
    schedule->index = first;
    schedule->elapsed = 0;
    lg_rng_init(&schedule->rng, seed);
    if (arrivals == LG_ARRIVALS_CONSTANT)
        schedule->due_ns = constant_due(schedule);
    else
        poisson_step(schedule, first + 1);
}

void lg_schedule_next(struct lg_schedule *schedule)
{
    schedule->index += schedule->stride;
    if (schedule->arrivals == LG_ARRIVALS_CONSTANT)
        schedule->due_ns = constant_due(schedule);
    else
        poisson_step(schedule, schedule->stride);
}
