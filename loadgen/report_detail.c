#include "report_detail.h"

#include "study_json.h"

#include <math.h>

#define OVER_TIME "'run.latency_ns.over_time"
#define PART_MAX  1e15 /* above it nothing is a count of calls, or ns of a latency */

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
    for (size_t i = 0; i < LG_BLOCKS; i++)
        ret_detail->parts[i] = NAN;
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

/* The list of a figure, part by part; NaN where a part has none, if it may have none. */
static int take_list(const struct lg_place *place, const cJSON *over_time, const char *key,
                     bool may_lack, double ret_list[LG_BLOCKS])
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(over_time, key), *item;
    int count = cJSON_GetArraySize(list), i = 0;
    if (!cJSON_IsArray(list) || count != LG_BLOCKS)
        return lg_place_complain(place, OVER_TIME ".%s' has %d parts; there are %d", key, count,
                                 LG_BLOCKS);
    cJSON_ArrayForEach(item, list)
    {
        bool none = may_lack && cJSON_IsNull(item);
        double value = none ? NAN : item->valuedouble;
        i++;
        if (!none && !cJSON_IsNumber(item))
            return lg_place_complain(place, OVER_TIME ".%s' has no number as part %d", key, i);
        if (value < 0 || value > PART_MAX)
            return lg_place_complain(place, OVER_TIME ".%s' has %g as part %d; it is 0 to %g", key,
                                     value, i, PART_MAX);
        ret_list[i - 1] = value;
    }
    return EVD_OK;
}

/* Null where the run has no parts; older ones have not recorded them. */
static int take_over_time(const struct lg_place *place, const cJSON *latencies,
                          double ret_medians[LG_BLOCKS])
{
    const cJSON *over_time = cJSON_GetObjectItemCaseSensitive(latencies, "over_time");
    const cJSON *response = cJSON_GetObjectItemCaseSensitive(latencies, "response");
    double counts[LG_BLOCKS], others[LG_BLOCKS], sum = 0, all = figure(response, "count");
    int rc;
    if (!over_time || cJSON_IsNull(over_time))
        return EVD_OK;
    if (!cJSON_IsObject(over_time))
        return lg_place_complain(place, OVER_TIME "' is no object");
    if ((rc = take_list(place, over_time, "count", false, counts)) != EVD_OK ||
        (rc = take_list(place, over_time, "p50", true, ret_medians)) != EVD_OK ||
        (rc = take_list(place, over_time, "p99", true, others)) != EVD_OK ||
        (rc = take_list(place, over_time, "max", true, others)) != EVD_OK)
        return rc;
    for (size_t i = 0; i < LG_BLOCKS; i++)
        sum += counts[i];
    if (!(fabs(sum - all) < 0.5))
        return lg_place_complain(place, OVER_TIME "' holds %g calls, the latency %g", sum, all);
    return EVD_OK;
}

int lg_detail_take(const struct lg_place *place, const cJSON *run, struct lg_detail *ret_detail)
{
    lg_detail_none(ret_detail);
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
    return take_over_time(place, latencies, ret_detail->parts);
}
