#include "study_rates.h"

#include "study_json.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MAX 1e7 /* of `loadgen run --rate` */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double lg_rates_maximum(const struct lg_maximum_trial *trials, size_t count)
{
    double values[LG_MAXIMUM_TRIALS_MAX];
    size_t valid = 0, used = 0;
    for (size_t i = 0; i < count; i++)
        valid += !trials[i].invalid;
    for (size_t i = 0; i < count && used < LG_MAXIMUM_TRIALS_MAX; i++)
        if (!trials[i].invalid || valid == 0)
            values[used++] = trials[i].rate;
    if (used == 0)
        return NAN;
    qsort(values, used, sizeof(*values), ascending);
    return (values[(used - 1) / 2] + values[used / 2]) / 2;
}

static uint64_t share_of(double maximum, double share)
{
    double rate = round(maximum * share);
    return rate < 1 ? 1 : rate > RATE_MAX ? (uint64_t)RATE_MAX : (uint64_t)rate;
}

void lg_rates_fill(const struct lg_design *design, size_t scenario, struct lg_rates *rates)
{
    for (size_t load = 0; load < design->load_count; load++)
        if (design->loads[load].share > 0)
            rates->rates[scenario][load] =
                share_of(rates->maximum[scenario], design->loads[load].share);
}

void lg_rates_put(const struct lg_design *design, const struct lg_rates *rates, cJSON *about)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t scenario = 0; scenario < design->scenario_count; scenario++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "scenario", design->scenarios[scenario]);
        cJSON_AddNumberToObject(item, "maximum", rates->maximum[scenario]);
        cJSON *loads = cJSON_AddObjectToObject(item, "loads");
        for (size_t load = 0; load < design->load_count; load++)
            if (rates->rates[scenario][load] > 0)
                cJSON_AddNumberToObject(loads, design->loads[load].name,
                                        (double)rates->rates[scenario][load]);
        cJSON_AddItemToArray(list, item);
    }
    cJSON_DeleteItemFromObjectCaseSensitive(about, "rates");
    cJSON_AddItemToObject(about, "rates", list);
}

int lg_rates_take(const struct lg_design *design, const cJSON *about, struct lg_rates *ret_rates,
                  struct evd_error *ret_error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(about, "rates");
    *ret_rates = (struct lg_rates){{0}, {{0}}};
    for (size_t scenario = 0; scenario < design->scenario_count; scenario++) {
        const cJSON *item = cJSON_GetArrayItem(list, (int)scenario);
        const cJSON *loads = cJSON_GetObjectItemCaseSensitive(item, "loads");
        double maximum = lg_json_number(item, "maximum");
        bool same =
            strcmp(lg_json_string(item, "scenario", ""), design->scenarios[scenario]) == 0 &&
            maximum > 0 && maximum <= RATE_MAX * 10;
        ret_rates->maximum[scenario] = same ? maximum : 0;
        lg_rates_fill(design, scenario, ret_rates);
        for (size_t load = 0; load < design->load_count && same; load++)
            same = design->loads[load].share <= 0 ||
                   fabs(lg_json_number(loads, design->loads[load].name) -
                        (double)ret_rates->rates[scenario][load]) < 0.5;
        if (!same)
            return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                                 "study.json: 'rates' does not hold the maximum of '%s', and the "
                                 "rates that follow from it",
                                 design->scenarios[scenario]);
    }
    return EVD_OK;
}
