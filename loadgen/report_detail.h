/* What a trial's line says beside its metrics: how each call ended, and where its time went.
 * Lines of older runs have less: what they lack is NaN, never 0. */
#ifndef LG_REPORT_DETAIL_H
#define LG_REPORT_DETAIL_H

#include "account.h"
#include "place.h"
#include "stationary.h"

#include <cjson/cJSON.h>

struct lg_detail {
    double outcomes[LG_OUTCOMES]; /* calls */
    double censored;              /* calls that enter the latency at their age, unanswered */
    /* Means of the measured window, ns. response = lateness + service, lateness = woke_late +
     * no_free_slot; wire is a part of service, of one request in some. */
    double response, lateness, service, woke_late, no_free_slot, wire;
    double woke_late_p99;    /* ns */
    double cpu_share;        /* of a core, of the generator's busiest thread */
    double parts[LG_BLOCKS]; /* medians of the equal parts of the measured window, ns */
};

/* `run` is what loadgen run wrote. EVD_ERR_BAD_DATA, in words: its latency over time is damaged. */
int lg_detail_take(const struct lg_place *place, const cJSON *run, struct lg_detail *ret_detail);

/* Without a run: all NaN. */
void lg_detail_none(struct lg_detail *ret_detail);

#endif
