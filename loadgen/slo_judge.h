/* What one run says of a service-level objective. */
#ifndef LG_SLO_JUDGE_H
#define LG_SLO_JUDGE_H

#include "result.h"

#define LG_OBJECTIVES_MAX 8

/* The response's quantile is at most limit_ns. */
struct lg_objective {
    double quantile; /* 0 < quantile < 1 */
    uint64_t limit_ns;
};

/* Requests that a run needs for the highest of the quantiles. */
uint64_t lg_slo_needed(const struct lg_objective *objectives, unsigned count);

/* The greatest ratio of a quantile to its limit, for lg_slo_take(). A run in which the server lost
 * or spoiled a request, or could not keep up, has missed the objective: INFINITY. One that is
 * INVALID for any other reason (the generator, the host, too few requests, a warm-up that was too
 * short) says nothing: NAN, and *ret_why, a text that lives as long as the result; else NULL. */
double lg_slo_judge(const struct lg_result *result, const struct lg_objective *objectives,
                    unsigned count, const char **ret_why);

#endif
