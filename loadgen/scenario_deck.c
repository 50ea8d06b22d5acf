/* The order in which a scenario's requests are sent; and its end. */
#include "rng.h"
#include "scenario.h"

#include <stdlib.h>

static int compare_events(const void *a, const void *b)
{
    return strcmp(((const struct lg_request *)a)->event.ptr,
                  ((const struct lg_request *)b)->event.ptr);
}

static int count_endpoints(struct lg_scenario *scenario)
{
    struct lg_request *sorted = calloc(scenario->count, sizeof(*sorted));

    if (sorted == NULL)
        return EVD_ERR_NO_MEMORY;
    memcpy(sorted, scenario->requests, scenario->count * sizeof(*sorted));
    qsort(sorted, scenario->count, sizeof(*sorted), compare_events);
    scenario->endpoints = 1;
    for (size_t i = 1; i < scenario->count; i++)
        scenario->endpoints += compare_events(&sorted[i - 1], &sorted[i]) != 0;
    free(sorted);
    return EVD_OK;
}

int lg_scenario_deal(struct lg_scenario *scenario, uint64_t seed)
{
    struct lg_rng rng;
    size_t at = 0, weights = 0;
    double bytes = 0;

    for (size_t i = 0; i < scenario->count; i++) {
        const struct lg_request *request = &scenario->requests[i];

        scenario->deck_len += request->is_step ? 0 : request->weight;
        weights += request->weight;
        bytes += (double)request->payload_len * request->weight;
        if (request->data.len > scenario->largest_data)
            scenario->largest_data = request->data.len;
        if (request->expect.len > scenario->largest_reply)
            scenario->largest_reply = request->expect.len;
    }
    scenario->payload_mean = bytes / (double)weights;
    scenario->deck = calloc(scenario->deck_len, sizeof(*scenario->deck));
    if (scenario->deck == NULL)
        return EVD_ERR_NO_MEMORY;
    for (size_t i = 0; i < scenario->count; i++)
        for (unsigned k = 0; !scenario->requests[i].is_step && k < scenario->requests[i].weight;
             k++)
            scenario->deck[at++] = (uint32_t)i;
    lg_rng_init(&rng, seed);
    for (size_t i = scenario->deck_len; i > 1; i--) { /* Fisher and Yates */
        size_t j = (size_t)lg_rng_below(&rng, i);
        uint32_t card = scenario->deck[i - 1];

        scenario->deck[i - 1] = scenario->deck[j];
        scenario->deck[j] = card;
    }
    return count_endpoints(scenario);
}

void lg_scenario_release(struct lg_scenario *scenario)
{
    for (size_t i = 0; i < scenario->count; i++) {
        free((char *)scenario->requests[i].event.ptr);
        free((char *)scenario->requests[i].data.ptr);
        free((char *)scenario->requests[i].expect.ptr);
    }
    free(scenario->requests);
    free(scenario->deck);
    memset(scenario, 0, sizeof(*scenario));
}
