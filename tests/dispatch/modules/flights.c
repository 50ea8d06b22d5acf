/* Calls that do not end at once. The state owns memory, which only close() gives back; it is
 * cJSON's, so that a test which counts the host's allocations counts it in a shared object too. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>
#include <string.h>

struct state {
    uint64_t turns;
    char *own;
};

static int open_flights(void *state, const struct evd_config *config)
{
    (void)config;
    struct state *s = state;
    s->own = cJSON_malloc(100);
    if (s->own == NULL)
        return EVD_ERR_NO_MEMORY;
    memset(s->own, 'x', 100);
    return EVD_OK;
}

static void close_flights(void *state)
{
    struct state *s = state;
    cJSON_free(s->own);
}

/* Answers in its fourth step; the context counts them. The waits it asks for: 1 ms, none, 3 ms. */
static int fourth(void *state, struct evd_call *call)
{
    (void)state;
    uintptr_t step = (uintptr_t)call->context + 1;
    call->context = (void *)step;
    if (step == 4)
        return evd_reply_uint(call, step);
    if (step != 2)
        (void)evd_wait(call, step * 1000000);
    return EVD_MORE;
}

/* Answers in its third step with the steps of all calls that share its state. */
static int turns(void *state, struct evd_call *call)
{
    struct state *s = state;
    uintptr_t step = (uintptr_t)call->context + 1;
    call->context = (void *)step;
    s->turns++;
    return step == 3 ? evd_reply_uint(call, s->turns) : EVD_MORE;
}

/* The tree of the first step answers the second. */
static int keep_tree(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data;
    if (call->context != NULL)
        return evd_reply_json(call, call->context);
    int rc = evd_json(call, &data);
    call->context = (void *)(uintptr_t)data;
    return rc < 0 ? rc : EVD_MORE;
}

static int never(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data;
    int rc = evd_json(call, &data);
    if (rc >= 0)
        rc = evd_wait(call, UINT64_MAX);
    return rc < 0 ? rc : EVD_MORE;
}

static int fail_later(void *state, struct evd_call *call)
{
    (void)state;
    if (call->context != NULL)
        return EVD_ERR_BUSY;
    call->context = call;
    return EVD_MORE;
}

static const struct evd_function functions[] = {
    {"fourth", fourth}, {"turns", turns},           {"keep_tree", keep_tree},
    {"never", never},   {"fail_later", fail_later},
};

EVD_MODULE(flights, .state_size = sizeof(struct state), .open = open_flights,
           .close = close_flights, EVD_FUNCTIONS(functions));
