/* Placeholders in the strings of a scenario: ${seq} and ${random:A..B}. They are filled in when the
 * scenario is loaded, once for each variant of a request, so that nothing is built during a run. */
#ifndef LG_SCENARIO_TEMPLATE_H
#define LG_SCENARIO_TEMPLATE_H

#include "dispatch/status.h"

#include <cjson/cJSON.h>

#include <stdint.h>

#define LG_VARIANTS_MAX 1000

struct lg_template {
    uint64_t seed;
    unsigned request, variant; /* the request's number, and the variant's: ${seq} */
};

/* Fills in the placeholders of all strings below *json; keys stay. "$${" stands for "${". The same
 * placeholder gives the same value wherever it stands in one variant, so that what is sent and what
 * is expected agree. EVD_ERR_USAGE (an unknown placeholder, in words), EVD_ERR_NO_MEMORY. */
int lg_template_fill(const struct lg_template *values, cJSON *json, struct evd_error *ret_error);

#endif
