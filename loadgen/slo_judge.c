#include "slo_judge.h"

#include "cause.h"

#include <math.h>

uint64_t lg_slo_needed(const struct lg_objective *objectives, unsigned count)
{
    double needed = 0;

    for (unsigned i = 0; i < count; i++)
        needed = fmax(needed, (double)lg_histogram_needed(objectives[i].quantile));
    return (uint64_t)needed;
}

/* Causes that an overloaded server makes: the rest are the generator's or the host's. */
static bool is_servers(const char *cause)
{
    static const char *const servers[] = {LG_CAUSE_ERRORS, LG_CAUSE_RATE, LG_CAUSE_RANGE,
                                          LG_CAUSE_WARMUP};

    for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++)
        if (strcmp(cause, servers[i]) == 0)
            return true;
    return false;
}

/* Nothing that the generator does, however late it is, makes a server answer wrongly, close or
 * refuse. */
static bool went_wrong(const struct lg_result *result)
{
    const uint64_t *outcomes = result->accounts[LG_MEASURED].outcomes;

    return outcomes[LG_BAD] + outcomes[LG_RESET] + outcomes[LG_EOF] + outcomes[LG_REFUSED] > 0;
}

static const char *why_nothing(const struct lg_result *result)
{
    for (unsigned i = 0; i < result->invalid_count; i++)
        if (!is_servers(result->invalid_causes[i]))
            return result->invalid[i];
    return NULL;
}

static const char *find(const struct lg_result *result, const char *cause)
{
    for (unsigned i = 0; i < result->invalid_count; i++)
        if (strcmp(result->invalid_causes[i], cause) == 0)
            return result->invalid[i];
    return NULL;
}

static double worst_of(const struct lg_histogram *response, const struct lg_objective *objectives,
                       unsigned count)
{
    double worst = 0;

    for (unsigned i = 0; i < count; i++)
        worst = fmax(worst, (double)lg_histogram_quantile(response, objectives[i].quantile) /
                                (double)objectives[i].limit_ns);
    return worst;
}

double lg_slo_judge(const struct lg_result *result, const struct lg_objective *objectives,
                    unsigned count, const char **ret_why)
{
    const char *warmup = find(result, LG_CAUSE_WARMUP);
    double worst = worst_of(&result->response, objectives, count), first, last;

    *ret_why = NULL;
    if (result->broken.status < 0 || result->interrupted != 0)
        *ret_why = why_nothing(result);
    else if (went_wrong(result))
        return INFINITY;
    else
        *ret_why = why_nothing(result);
    if (*ret_why != NULL)
        return NAN;
    if (find(result, LG_CAUSE_ERRORS) != NULL || find(result, LG_CAUSE_RATE) != NULL ||
        find(result, LG_CAUSE_RANGE) != NULL)
        return INFINITY;
    /* A queue that grows is the server's; responses that get shorter are a warm-up's. */
    if (warmup != NULL &&
        (worst <= 1 || (!lg_is_stationary(result->blocks, &first, &last) && last < first)))
        *ret_why = warmup;
    else if (result->response.count < lg_slo_needed(objectives, count))
        *ret_why = "too few responses for the quantile";
    return *ret_why != NULL ? NAN : worst;
}
