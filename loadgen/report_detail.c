#include "report_detail.h"

#include "study_json.h"

#include <math.h>

void lg_detail_none(struct lg_detail *ret_detail)
{
    *ret_detail = (struct lg_detail){.censored = NAN,
                                     .response = NAN,
                                     .lateness = NAN,
                                     .service = NAN,
                                     .woke_late = NAN,
                                     .no_free_slot = NAN,
                                     .wire = NAN,
                                     .woke_late_p99 = NAN,
                                     .cpu_share = NAN};
    for (size_t i = 0; i < LG_OUTCOMES; i++)
        ret_detail->outcomes[i] = NAN;
}

/* A number of 0 or more under a key, else NaN. */
static double figure(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) && item->valuedouble >= 0 && isfinite(item->valuedouble)
               ? item->valuedouble
               : NAN;
}

/* The mean of a part; NaN where the run did not record it. */
static double mean(const cJSON *latencies, const char *part)
{
    const cJSON *histogram = cJSON_GetObjectItemCaseSensitive(latencies, part);
    return figure(histogram, "count") > 0 ? figure(histogram, "mean") : NAN;
}

void lg_detail_take(const cJSON *run, struct lg_detail *ret_detail)
{
    const cJSON *sums = cJSON_GetObjectItemCaseSensitive(run, "accounting");
    const cJSON *latencies = cJSON_GetObjectItemCaseSensitive(run, "latency_ns");
    for (int i = 0; i < LG_OUTCOMES; i++)
        ret_detail->outcomes[i] = figure(sums, lg_outcome_key((enum lg_outcome)i));
    ret_detail->censored = figure(cJSON_GetObjectItemCaseSensitive(run, "censored"), "count");
    ret_detail->response = mean(latencies, "response");
    ret_detail->lateness = mean(latencies, "lateness");
    ret_detail->service = mean(latencies, "service");
    ret_detail->woke_late = mean(latencies, "woke_late");
    ret_detail->no_free_slot = mean(latencies, "no_free_slot");
    ret_detail->wire = mean(latencies, "wire");
    ret_detail->woke_late_p99 =
        figure(cJSON_GetObjectItemCaseSensitive(latencies, "woke_late"), "p99");
    ret_detail->cpu_share =
        figure(cJSON_GetObjectItemCaseSensitive(run, "client"), "cpu_share_max");
}
