/* Rates as shares of a maximum, the same for all arms: what study.json keeps of them. */
#ifndef LG_STUDY_RATES_H
#define LG_STUDY_RATES_H

#include "study_design.h"

struct lg_rates {
    double maximum[LG_SCENARIOS_MAX];               /* of the reference arm; calls a second */
    uint64_t rates[LG_SCENARIOS_MAX][LG_LOADS_MAX]; /* a second; 0: the load has no share */
};

struct lg_maximum_trial {
    size_t scenario;
    double rate; /* calls answered a second */
    bool invalid;
};

/* The maximum by `count` trials of one scenario, up to LG_MAXIMUM_TRIALS_MAX: the median of those
 * that are valid, of all where none is. NaN without trials. */
double lg_rates_maximum(const struct lg_maximum_trial *trials, size_t count);

/* The rates of a scenario from its maximum, as whole calls a second. */
void lg_rates_fill(const struct lg_design *design, size_t scenario, struct lg_rates *rates);

/* study.json's "rates": [{"scenario", "maximum", "loads": {NAME: RATE}}]. */
void lg_rates_put(const struct lg_design *design, const struct lg_rates *rates, cJSON *about);

/* The same back. EVD_ERR_BAD_DATA when they are not there, or not those of the design. */
int lg_rates_take(const struct lg_design *design, const cJSON *about, struct lg_rates *ret_rates,
                  struct evd_error *ret_error);

#endif
