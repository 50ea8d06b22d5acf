#include "overload.h"

#include "account.h"
#include "cause.h"
#include "study_json.h"

#include <stddef.h>
#include <string.h>

/* Without an answer in the whole window a run says "errors", too: the queue was longer than it. */
static bool is_of_a_queue(const char *cause)
{
    static const char *const causes[] = {LG_CAUSE_RATE, LG_CAUSE_RANGE, LG_CAUSE_WARMUP,
                                         LG_CAUSE_ERRORS};
    for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++)
        if (strcmp(cause, causes[i]) == 0)
            return true;
    return false;
}

bool lg_run_lost_nothing(const cJSON *run)
{
    const cJSON *sums = cJSON_GetObjectItemCaseSensitive(run, "accounting");
    static const enum lg_outcome lost[] = {LG_BAD, LG_TIMEOUT, LG_RESET, LG_EOF, LG_REFUSED};
    for (size_t i = 0; i < sizeof(lost) / sizeof(*lost); i++)
        if (!(lg_json_number(sums, lg_outcome_key(lost[i])) <= 0))
            return false;
    return true;
}

bool lg_run_overloaded(const cJSON *run)
{
    const cJSON *causes = cJSON_GetObjectItemCaseSensitive(run, "invalid_causes"), *item;
    bool missed = false;
    if (!cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(run, "valid")) || !lg_run_lost_nothing(run))
        return false;
    cJSON_ArrayForEach(item, causes)
    {
        const char *cause = cJSON_GetStringValue(item);
        if (!cause || !is_of_a_queue(cause))
            return false;
        missed = missed || strcmp(cause, LG_CAUSE_RATE) == 0;
    }
    return missed;
}
