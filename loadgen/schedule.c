#include "schedule.h"

#include <math.h>
#include <string.h>

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

/* ---- Bursts ---- */

/* Bursts put end to end are an even schedule; what lies between them is added. No factor overflows:
 * index < 2^41 (a day and more at the highest rate), on_us < 2^32. */
static uint64_t burst_due(const struct lg_schedule *schedule)
{
    unsigned __int128 scaled =
        (unsigned __int128)schedule->index * NS_PER_RATE_UNIT * schedule->on_us;
    uint64_t on_ns = schedule->on_us * 1000;
    uint64_t busy = (uint64_t)(scaled / ((unsigned __int128)schedule->rate * schedule->period_us));

    return schedule->start_ns + busy / on_ns * (schedule->period_us * 1000) + busy % on_ns;
}

/* ---- Rates that change ---- */

/* Arrivals within the first `time` ns of a ramp, in 1 / (2 * 10^9 * length) of one. */
static __int128 ramp_area(const struct lg_segment *s, int64_t time)
{
    int64_t from = (int64_t)(s->rate / LG_RATE_UNIT), to = (int64_t)(s->to_rate / LG_RATE_UNIT);

    return (__int128)time * from * 2 * (int64_t)s->length_ns + (__int128)time * time * (to - from);
}

/* The last ns of a ramp with at most `passed` arrivals before it, since its begin: Newton's
 * iteration on integers, then the last steps one by one. */
static uint64_t ramp_inverse(const struct lg_segment *s, unsigned __int128 passed)
{
    const int64_t length = (int64_t)s->length_ns;
    const __int128 wanted = (__int128)(passed / LG_RATE_UNIT) * 2 * length;
    int64_t from = (int64_t)(s->rate / LG_RATE_UNIT), to = (int64_t)(s->to_rate / LG_RATE_UNIT);
    int64_t time = (int64_t)((passed / (from > to ? s->rate : s->to_rate)));

    for (int i = 0; i < 64; i++) {
        __int128 slope = ((__int128)from * length + (__int128)time * (to - from)) * 2;
        __int128 step = (wanted - ramp_area(s, time)) / slope;

        if (step == 0)
            break;
        time += (int64_t)step;
        time = time < 0 ? 0 : time > length ? length : time;
    }
    while (ramp_area(s, time) > wanted)
        time--;
    while (ramp_area(s, time + 1) <= wanted)
        time++;
    return (uint64_t)time;
}

static uint64_t shape_due(struct lg_schedule *schedule, unsigned __int128 passed)
{
    const struct lg_shape *shape = schedule->shape;
    const struct lg_segment *s;

    while (schedule->segment + 1 < shape->count &&
           passed >= shape->segments[schedule->segment + 1].before)
        schedule->segment++;
    s = &shape->segments[schedule->segment];
    passed -= s->before;
    return schedule->start_ns + s->from_ns +
           (s->rate == s->to_rate ? (uint64_t)(passed / s->rate) : ramp_inverse(s, passed));
}

static void add_segment(struct lg_shape *shape, uint64_t length_ns, uint64_t rate, uint64_t to_rate)
{
    struct lg_segment *s = &shape->segments[shape->count];

    *s = (struct lg_segment){.length_ns = length_ns, .rate = rate, .to_rate = to_rate};
    if (shape->count > 0) {
        s->from_ns = s[-1].from_ns + s[-1].length_ns;
        s->before =
            s[-1].before + (unsigned __int128)s[-1].length_ns * (s[-1].rate + s[-1].to_rate) / 2;
    }
    shape->count++;
}

void lg_shape_ramp(struct lg_shape *shape, uint64_t from, uint64_t to, uint64_t warmup_ns,
                   uint64_t duration_ns)
{
    shape->count = 0;
    add_segment(shape, warmup_ns, from, from);
    add_segment(shape, duration_ns, from, to);
    add_segment(shape, UINT64_MAX, to, to);
}

void lg_shape_steps(struct lg_shape *shape, const uint64_t *rates, unsigned count,
                    uint64_t warmup_ns, uint64_t duration_ns)
{
    shape->count = 0;
    add_segment(shape, warmup_ns, rates[0], rates[0]);
    for (unsigned i = 0; i < count; i++) {
        uint64_t begin = (uint64_t)((unsigned __int128)duration_ns * i / count);
        uint64_t end = (uint64_t)((unsigned __int128)duration_ns * (i + 1) / count);

        add_segment(shape, i + 1 < count ? end - begin : UINT64_MAX, rates[i], rates[i]);
    }
}

static void shape_poisson_step(struct lg_schedule *schedule, uint64_t arrivals)
{
    for (uint64_t i = 0; i < arrivals; i++)
        schedule->passed += (uint64_t)(-log(lg_rng_unit(&schedule->rng)) * 1024e9);
    schedule->due_ns = shape_due(schedule, schedule->passed * LG_RATE_UNIT / 1024);
}

/* ---- The cursor ---- */

const char *lg_arrivals_name(enum lg_arrivals arrivals)
{
    static const char *const names[] = {"constant", "poisson", "burst"};

    return names[arrivals];
}

/* `arrivals`: how far the cursor moved, index included. */
static void find_due(struct lg_schedule *schedule, uint64_t arrivals)
{
    if (schedule->arrivals == LG_ARRIVALS_BURST)
        schedule->due_ns = burst_due(schedule);
    else if (schedule->arrivals == LG_ARRIVALS_POISSON && schedule->shape != NULL)
        shape_poisson_step(schedule, arrivals);
    else if (schedule->arrivals == LG_ARRIVALS_POISSON)
        poisson_step(schedule, arrivals);
    else if (schedule->shape != NULL)
        schedule->due_ns =
            shape_due(schedule, (unsigned __int128)schedule->index * NS_PER_RATE_UNIT);
    else
        schedule->due_ns = constant_due(schedule);
}

static void reset(struct lg_schedule *schedule, enum lg_arrivals arrivals, uint64_t start_ns,
                  uint64_t first, uint64_t stride)
{
    memset(schedule, 0, sizeof(*schedule));
    schedule->arrivals = arrivals;
    schedule->start_ns = start_ns;
    schedule->stride = stride;
    schedule->index = first;
}

void lg_schedule_init(struct lg_schedule *schedule, enum lg_arrivals arrivals, uint64_t rate,
                      uint64_t seed, uint64_t start_ns, uint64_t first, uint64_t stride)
{
    reset(schedule, arrivals, start_ns, first, stride);
    schedule->rate = rate;
    lg_rng_init(&schedule->rng, seed);
    find_due(schedule, first + 1);
}

void lg_schedule_init_shape(struct lg_schedule *schedule, enum lg_arrivals arrivals,
                            const struct lg_shape *shape, uint64_t seed, uint64_t start_ns,
                            uint64_t first, uint64_t stride)
{
    reset(schedule, arrivals, start_ns, first, stride);
    schedule->shape = shape;
    lg_rng_init(&schedule->rng, seed);
    find_due(schedule, first + 1);
}

void lg_schedule_init_burst(struct lg_schedule *schedule, uint64_t rate, uint64_t on_ns,
                            uint64_t off_ns, uint64_t start_ns, uint64_t first, uint64_t stride)
{
    reset(schedule, LG_ARRIVALS_BURST, start_ns, first, stride);
    schedule->rate = rate;
    schedule->on_us = on_ns / 1000;
    schedule->period_us = schedule->on_us + off_ns / 1000;
    find_due(schedule, first + 1);
}

void lg_schedule_next(struct lg_schedule *schedule)
{
    schedule->index += schedule->stride;
    find_due(schedule, schedule->stride);
}
