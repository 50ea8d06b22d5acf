/* A module of which there are two versions: ANSWER is "A" or "B". With OPEN_STATUS it does not
 * serve. */
#include <evdispatch/module.h>

#include <stdlib.h>

#ifndef OPEN_STATUS
#define OPEN_STATUS EVD_OK
#endif

struct state {
    void *memory; /* a leak if close() is not called */
};

static int open_reload(void *state, const struct evd_config *config)
{
    (void)config;
    struct state *s = state;
    if (OPEN_STATUS < 0)
        return OPEN_STATUS;
    s->memory = malloc(4096);
    return s->memory != NULL ? EVD_OK : EVD_ERR_NO_MEMORY;
}

static void close_reload(void *state)
{
    struct state *s = state;
    free(s->memory);
}

static int version(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, EVD_SLICE("\"" ANSWER "\""));
}

static int later(void *state, struct evd_call *call)
{
    if (call->context != NULL)
        return version(state, call);
    call->context = call;
    (void)evd_wait(call, 300000);
    return EVD_MORE;
}

static const struct evd_function functions[] = {
    {"version", version},
    {"later", later},
};

EVD_MODULE(reload, .state_size = sizeof(struct state), .open = open_reload, .close = close_reload,
           EVD_FUNCTIONS(functions));
