/* api.counter: a module with state, which shows what each backend makes of it. Shared state counts
 * up from call to call; a state of one call's own, or one evaluated for every call, stays at 1. */
#include <evdispatch/module.h>

struct counter {
    uint64_t calls;
};

static int next(void *state, struct evd_call *call)
{
    struct counter *counter = state;
    return evd_reply_uint(call, ++counter->calls);
}

static const struct evd_function functions[] = {
    {"next", next},
};

EVD_MODULE(counter, .state_size = sizeof(struct counter), EVD_FUNCTIONS(functions));
