/* Counts its calls in its state. */
#include <evdispatch/module.h>

struct state {
    uint64_t calls;
};

static int next(void *state, struct evd_call *call)
{
    struct state *s = state;
    return evd_reply_uint(call, ++s->calls);
}

static const struct evd_function functions[] = {
    {"next", next},
};

EVD_MODULE(counter, .state_size = sizeof(struct state), EVD_FUNCTIONS(functions));
