/* sim.*: functions that wait, hold memory, build trees and answer much. */
#include "sim_peer.h"

#include "dispatch/module.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

/* As many waits as data has bytes, up to 4; holds memory meanwhile, which cancel() must free. */
static int later(void *state, struct evd_call *call)
{
    (void)state;
    size_t *turns = call->context;
    if (turns == NULL) {
        turns = call->context = malloc(sizeof *turns);
        if (turns == NULL)
            return EVD_ERR_NO_MEMORY;
        *turns = evd_data(call).len % 5;
    }
    if (*turns > 0) {
        (void)evd_wait(call, *turns % 2 * 1000000);
        --*turns;
        return EVD_MORE;
    }
    free(turns);
    call->context = NULL;
    return evd_reply_uint(call, evd_data(call).len);
}

/* Never answers. */
static int never(void *state, struct evd_call *call)
{
    (void)state;
    if (call->context == NULL)
        call->context = malloc(16);
    (void)evd_wait(call, EVD_WAIT_MAX_NS);
    return EVD_MORE;
}

/* Builds its tree, and never answers. */
static int hold(void *state, struct evd_call *call)
{
    const cJSON *data;
    int rc = call->context == NULL ? evd_json(call, &data) : EVD_OK;
    return rc < 0 ? rc : never(state, call);
}

/* Answers in so many seconds. */
static int after(void *state, struct evd_call *call)
{
    (void)state;
    if (call->context != NULL) {
        free(call->context);
        call->context = NULL;
        return evd_reply_uint(call, 1);
    }
    call->context = malloc(1);
    if (call->context == NULL)
        return EVD_ERR_NO_MEMORY;
    (void)evd_wait(call, (unsigned)(evd_data(call).ptr[0] - '0') * SIM_SECOND);
    return EVD_MORE;
}

static void cancel(void *state, struct evd_call *call)
{
    (void)state;
    free(call->context);
}

static int tree(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data;
    int rc = evd_json(call, &data);
    return rc < 0 ? rc : evd_reply_json(call, cJSON_GetObjectItemCaseSensitive(data, "name"));
}

/* A string of so many letters. */
static int large(void *state, struct evd_call *call)
{
    (void)state;
    static char letters[SIM_LARGE];
    size_t len = 0;
    for (size_t i = 0; i < evd_data(call).len; i++)
        len = len * 10 + (size_t)(evd_data(call).ptr[i] - '0');
    memset(letters, 'x', sizeof letters);
    return evd_reply_string(call, evd_slice(letters, len < SIM_LARGE ? len : SIM_LARGE));
}

static const struct evd_function functions[] = {{"later", later}, {"never", never},
                                                {"tree", tree},   {"large", large},
                                                {"hold", hold},   {"after", after}};

EVD_MODULE(sim, .cancel = cancel, EVD_FUNCTIONS(functions));
