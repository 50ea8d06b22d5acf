/* A module whose calls take as many steps as its configuration says, {"steps": 1050}, or 1,000. How
 * long a step takes is for the machine to say; that they are counted makes a share of them known
 * before anything is measured. `./evdispatch aa --inject` makes one arm of a study take more of
 * them. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>

#define STEPS_MAX 10000000

/* Some 2 us: what a closed loop waits for is the server, not the load. */
#define STEPS_DEFAULT 1000

struct state {
    uint64_t steps;
};

static int open_work(void *state, const struct evd_config *config)
{
    struct state *s = state;
    cJSON *json = cJSON_ParseWithLength(config->json.ptr, config->json.len);
    const cJSON *steps = cJSON_GetObjectItemCaseSensitive(json, "steps");
    double count = cJSON_IsNumber(steps)   ? steps->valuedouble
                   : config->json.len == 0 ? STEPS_DEFAULT
                                           : -1;
    cJSON_Delete(json);
    if (!(count >= 0 && count <= STEPS_MAX)) {
        evd_config_log(config, EVD_LOG_ERROR, "steps must be a number of 0 to 10000000");
        return EVD_ERR_USAGE;
    }
    s->steps = (uint64_t)count;
    return EVD_OK;
}

/* Each step waits for the one before it, and nobody can tell the last one's value beforehand: the
 * compiler keeps all of them, and the CPU does them one after the other (Knuth's MMIX generator).
 */
static int steps(void *state, struct evd_call *call)
{
    const struct state *s = state;
    uint64_t x = s->steps;
    for (uint64_t i = 0; i < s->steps; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        __asm__ volatile("" : "+r"(x));
    }
    return evd_reply(call, EVD_SLICE("\"done\""));
}

static const struct evd_function functions[] = {
    {"steps", steps},
};

EVD_MODULE(work, .state_size = sizeof(struct state), .open = open_work, EVD_FUNCTIONS(functions));
