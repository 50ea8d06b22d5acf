/* fuzz.*: a function for each thing that a module can do to a connection. */
#include "connection_module.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

/* As many turns as data has bytes; holds memory meanwhile, which cancel() must free. */
static int later(void *state, struct evd_call *call)
{
    (void)state;
    size_t *turns = call->context;
    if (turns == NULL) {
        turns = call->context = malloc(sizeof *turns);
        if (turns == NULL)
            return EVD_ERR_NO_MEMORY;
        *turns = evd_data(call).len;
    }
    if (*turns > 0) {
        (void)evd_wait(call, *turns % 2 * 1000);
        --*turns;
        return EVD_MORE;
    }
    free(turns);
    call->context = NULL;
    struct evd_slice data = evd_data(call); /* where it was */
    return evd_reply_uint(call, data.len);
}

static void cancel(void *state, struct evd_call *call)
{
    (void)state;
    free(call->context);
}

static int tree(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data, *member;
    int rc = evd_json(call, &data);
    if (rc == EVD_OK)
        rc = evd_member(call, "name", &member);
    return rc < 0 ? rc : evd_reply_json(call, member != NULL ? member : data);
}

/* data's length, times 64, as a string: more than the output holds, for a long one. */
static int large(void *state, struct evd_call *call)
{
    (void)state;
    static const char letters[16384];
    size_t len = evd_data(call).len * 64;
    return evd_reply_string(call, evd_slice(letters, len < sizeof letters ? len : sizeof letters));
}

static int silent(void *state, struct evd_call *call)
{
    (void)state;
    (void)call;
    return EVD_DONE;
}

static int twice(void *state, struct evd_call *call)
{
    (void)state;
    (void)evd_reply(call, EVD_SLICE("1"));
    return evd_reply(call, EVD_SLICE("2"));
}

/* Says of its message what is not UTF-8. */
static int fail(void *state, struct evd_call *call)
{
    (void)state;
    struct evd_slice data = evd_data(call);
    return call->host->fail(call, EVD_SLICE("fuzzed"), data);
}

static const struct evd_function functions[] = {
    {"later", later},   {"tree", tree},   {"large", large},
    {"silent", silent}, {"twice", twice}, {"fail", fail},
};

EVD_MODULE(fuzz, .cancel = cancel, EVD_FUNCTIONS(functions));
