/* What a trial's line says beside its metrics: how each call ended, and where its time went.
 * Lines of older runs have less: what they lack is NaN, never 0. */
#ifndef LG_REPORT_DETAIL_H
#define LG_REPORT_DETAIL_H

#include "account.h"

#include <cjson/cJSON.h>

struct lg_detail {
    double outcomes[LG_OUTCOMES]; /* calls */
    double censored;              /* calls that enter the latency at their age, unanswered */
    /* Means of the measured window, ns. response = lateness + service, lateness = woke_late +
     * no_free_slot; wire is a part of service, of one request in some. */
    double response, lateness, service, woke_late, no_free_slot, wire;
    double woke_late_p99; /* ns */
    double cpu_share;     /* of a core, of the generator's busiest thread */
};

/* `run` is what loadgen run wrote. */
void lg_detail_take(const cJSON *run, struct lg_detail *ret_detail);

/* Without a run: all NaN. */
void lg_detail_none(struct lg_detail *ret_detail);

#endif
