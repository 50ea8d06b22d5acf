#include "overload.h"

#include "account.h"
#include "cause.h"
#include "study_json.h"
#include "verdict.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* "errors" is one of them: calls still unanswered at the end. Those that went wrong otherwise are
 * told by the accounting. */
static bool is_of_a_queue(const char *cause)
{
    static const char *const causes[] = {LG_CAUSE_RATE, LG_CAUSE_RANGE, LG_CAUSE_WARMUP,
                                         LG_CAUSE_ERRORS};
    for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++)
        if (strcmp(cause, causes[i]) == 0)
            return true;
    return false;
}

static bool window_lost_nothing(const cJSON *sums)
{
    static const enum lg_outcome lost[] = {LG_BAD, LG_TIMEOUT, LG_RESET, LG_EOF, LG_REFUSED};
    for (size_t i = 0; i < sizeof(lost) / sizeof(*lost); i++)
        if (!(lg_json_number(sums, lg_outcome_key(lost[i])) <= 0))
            return false;
    return true;
}

bool lg_run_lost_nothing(const cJSON *run)
{
    const cJSON *warmup = cJSON_GetObjectItemCaseSensitive(run, "warmup_accounting");
    return window_lost_nothing(cJSON_GetObjectItemCaseSensitive(run, "accounting")) &&
           (!warmup || window_lost_nothing(warmup));
}

/* Whether the answers stayed behind what fell due. By the figures: a run with calls in flight at
 * its end does not say "rate", and one that works off what a stall before the window left behind
 * says so for too many answers. */
static bool fell_behind(const cJSON *run, bool says_rate)
{
    const cJSON *sums = cJSON_GetObjectItemCaseSensitive(run, "accounting");
    double due = lg_json_number(sums, "scheduled");
    double in_window = lg_json_number(run, "throughput") * lg_json_number(run, "measured_ns") / 1e9;
    if (isnan(due - in_window))
        return says_rate;
    return due - in_window > LG_RATE_TOLERANCE * due + LG_RATE_SLACK;
}

bool lg_run_overloaded(const cJSON *run)
{
    const cJSON *causes = cJSON_GetObjectItemCaseSensitive(run, "invalid_causes"), *item;
    bool says_rate = false, says_errors = false;
    if (!cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(run, "valid")) || !lg_run_lost_nothing(run))
        return false;
    cJSON_ArrayForEach(item, causes)
    {
        const char *cause = cJSON_GetStringValue(item);
        if (!cause || !is_of_a_queue(cause))
            return false;
        says_rate = says_rate || strcmp(cause, LG_CAUSE_RATE) == 0;
        says_errors = says_errors || strcmp(cause, LG_CAUSE_ERRORS) == 0;
    }
    return (says_rate || says_errors) && fell_behind(run, says_rate);
}
