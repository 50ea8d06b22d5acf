#include "slo.h"
#include "schedule.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NONE UINT32_MAX

void lg_slo_init(struct lg_slo *slo, const struct lg_slo_config *config)
{
    memset(slo, 0, sizeof(*slo));
    slo->config = *config;
}

enum lg_slo_verdict lg_slo_verdict(const struct lg_slo_point *point, bool *ret_sure)
{
    int lead = (int)point->met - (int)point->missed;
    unsigned runs = point->met + point->missed;

    *ret_sure = true;
    if (lead >= LG_SLO_LEAD || -lead >= LG_SLO_LEAD)
        return lead > 0 ? LG_SLO_MET : LG_SLO_MISSED;
    if (runs >= LG_SLO_RUNS_OF_ONE)
        return LG_SLO_UNCLEAR;
    *ret_sure = false;
    if (runs == 0 || point->near || (point->met > 0 && point->missed > 0))
        return LG_SLO_OPEN;
    return lead > 0 ? LG_SLO_MET : LG_SLO_MISSED;
}

/* The point of this rate; a new one is put where it belongs. NULL: there is no room. */
static struct lg_slo_point *point_of(struct lg_slo *slo, uint64_t rate)
{
    unsigned at = 0;

    while (at < slo->count && slo->points[at].rate < rate)
        at++;
    if (at < slo->count && slo->points[at].rate == rate)
        return &slo->points[at];
    if (slo->count == LG_SLO_POINTS_MAX)
        return NULL;
    memmove(&slo->points[at + 1], &slo->points[at], (slo->count - at) * sizeof(slo->points[0]));
    slo->count++;
    slo->points[at] = (struct lg_slo_point){.rate = rate};
    return &slo->points[at];
}

void lg_slo_take(struct lg_slo *slo, uint64_t rate, double worst)
{
    struct lg_slo_point *point = point_of(slo, rate);

    slo->runs++;
    if (point == NULL)
        return;
    if (isnan(worst)) {
        point->invalid++;
        point->invalid_row++;
        return;
    }
    point->invalid_row = 0;
    if (worst <= 1)
        point->met++;
    else
        point->missed++;
    if (worst > 1 / LG_SLO_FAR && worst < LG_SLO_FAR)
        point->near = true;
}

/* What the points say, by their indexes. */
struct bracket {
    unsigned low, high;                   /* NONE: there is none */
    unsigned first_unclear, last_unclear; /* between them; NONE */
    unsigned open;                        /* the first that takes another run; NONE */
    bool high_sure, low_sure, met_above;
};

static struct bracket bracket_of(const struct lg_slo *slo)
{
    struct bracket b = {NONE, NONE, NONE, NONE, NONE, false, false, false};

    for (unsigned i = 0; i < slo->count; i++) {
        bool sure;
        enum lg_slo_verdict verdict = lg_slo_verdict(&slo->points[i], &sure);

        if (verdict == LG_SLO_OPEN && b.open == NONE)
            b.open = i;
        if (b.high != NONE) {
            b.met_above |= verdict == LG_SLO_MET;
        } else if (verdict == LG_SLO_MET) {
            b.low = i;
            b.low_sure = sure;
            b.first_unclear = b.last_unclear = NONE;
        } else if (verdict == LG_SLO_MISSED) {
            b.high = i;
            b.high_sure = sure;
        } else if (verdict == LG_SLO_UNCLEAR) {
            b.last_unclear = i;
            if (b.first_unclear == NONE)
                b.first_unclear = i;
        }
    }
    return b;
}

/* A rate between two that are further apart than the precision asks for, whole where it can be; 0
 * when they are near enough. */
static uint64_t between(const struct lg_slo *slo, uint64_t low, uint64_t high)
{
    uint64_t middle = low + (high - low) / 2, whole = middle / LG_RATE_UNIT * LG_RATE_UNIT;

    if ((double)(high - low) <= slo->config.precision * (double)high || middle <= low)
        return 0;
    return whole > low ? whole : middle;
}

/* Up from what is not missed yet. 0: there is nothing above it. */
static uint64_t step_up(const struct lg_slo *slo)
{
    uint64_t top;

    if (slo->count == 0)
        return slo->config.from;
    top = slo->points[slo->count - 1].rate;
    if (top >= slo->config.to)
        return 0;
    return top > slo->config.to / 2 ? slo->config.to : top * 2;
}

/* Between the ends of the bracket, beside what is unclear. 0: it is narrow enough. */
static uint64_t step_in(const struct lg_slo *slo, const struct bracket *b)
{
    uint64_t high = slo->points[b->high].rate, rate = 0;
    uint64_t first = b->first_unclear == NONE ? high : slo->points[b->first_unclear].rate;

    if (b->low != NONE)
        rate = between(slo, slo->points[b->low].rate, first);
    if (rate == 0 && b->last_unclear != NONE)
        rate = between(slo, slo->points[b->last_unclear].rate, high);
    return rate;
}

/* The next rate; 0 when the search is over. */
static uint64_t next_rate(const struct lg_slo *slo, const struct bracket *b)
{
    uint64_t rate;

    if (b->open != NONE)
        return slo->points[b->open].rate;
    /* A single run said "missed", and a higher rate met it: that run is asked again. */
    if (b->met_above && !b->high_sure)
        return slo->points[b->high].rate;
    rate = b->high == NONE ? step_up(slo) : step_in(slo, b);
    if (rate != 0)
        return rate;
    if (b->high != NONE && !b->high_sure)
        return slo->points[b->high].rate;
    return b->low != NONE && !b->low_sure ? slo->points[b->low].rate : 0;
}

static const struct lg_slo_point *given_up(const struct lg_slo *slo)
{
    for (unsigned i = 0; i < slo->count; i++)
        if (slo->points[i].invalid_row >= LG_SLO_INVALID_MAX)
            return &slo->points[i];
    return NULL;
}

struct lg_slo_view lg_slo_look(const struct lg_slo *slo)
{
    struct bracket b = bracket_of(slo);
    const struct lg_slo_point *bad = given_up(slo);
    struct lg_slo_view view = {
        .low = b.low == NONE ? 0 : slo->points[b.low].rate,
        .high = b.high == NONE ? 0 : slo->points[b.high].rate,
        .unclear = b.first_unclear != NONE,
        .uneven = b.met_above,
    };

    view.rate = bad != NULL ? bad->rate : next_rate(slo, &b);
    if (bad != NULL)
        view.state = LG_SLO_UNMEASURABLE;
    else if (view.rate == 0)
        view.state = b.low == NONE    ? LG_SLO_UNREACHABLE
                     : b.high == NONE ? LG_SLO_AT_LEAST
                                      : LG_SLO_FOUND;
    else if (slo->runs >= slo->config.runs_max || slo->count == LG_SLO_POINTS_MAX)
        view.state = LG_SLO_OUT_OF_RUNS;
    return view;
}
