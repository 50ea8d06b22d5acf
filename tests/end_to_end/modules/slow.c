/* A module of the tests: functions that answer later. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>

#include <stdlib.h>

struct state {
    void *memory; /* a leak if close() is not called */
};

static int open_slow(void *state, const struct evd_config *config)
{
    (void)config;
    struct state *s = state;
    s->memory = malloc(64);
    return s->memory != NULL ? EVD_OK : EVD_ERR_NO_MEMORY;
}

static void close_slow(void *state)
{
    struct state *s = state;
    free(s->memory);
}

/* Answers with its data after data[0] waits of data[1] milliseconds. */
static int after(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data;
    int rc = evd_json(call, &data);
    if (rc < 0)
        return rc;
    uintptr_t turns = (uintptr_t)call->context;
    const cJSON *waits = cJSON_GetArrayItem(data, 0), *length = cJSON_GetArrayItem(data, 1);
    if (!cJSON_IsNumber(waits) || !cJSON_IsNumber(length))
        return evd_fail(call, "bad_data", "data must be [waits, milliseconds]");
    if (turns >= (uintptr_t)waits->valuedouble)
        return evd_reply(call, evd_data(call)); /* the bytes are still where they were */
    call->context = (void *)(turns + 1);
    (void)evd_wait(call, (uint64_t)(length->valuedouble * 1e6));
    return EVD_MORE;
}

static int now(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, EVD_SLICE("\"now\""));
}

static const struct evd_function functions[] = {
    {"after", after},
    {"now", now},
};

EVD_MODULE(slow, .state_size = sizeof(struct state), .open = open_slow, .close = close_slow,
           EVD_FUNCTIONS(functions));
