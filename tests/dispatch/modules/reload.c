/* VERSION tells one build from another, STATE_SIZE, OPEN_STATUS and LAYOUT make them differ. What
 * is static tells one load from another, the state one open() from another. */
#include <evdispatch/module.h>

struct state {
    uint64_t calls;
    unsigned char rest[STATE_SIZE];
};

static uint64_t static_calls;

static int open_reload(void *state, const struct evd_config *config)
{
    (void)config;
    struct state *s = state;
    for (size_t i = 0; i < STATE_SIZE; i++) {
        if (s->rest[i] != 0)
            return EVD_ERR_INTERNAL;
        s->rest[i] = VERSION;
    }
    return OPEN_STATUS;
}

static int version(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply_uint(call, VERSION);
}

static int count(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply_uint(call, ++static_calls);
}

static int calls(void *state, struct evd_call *call)
{
    struct state *s = state;
    for (size_t i = 0; i < STATE_SIZE; i++) {
        if (s->rest[i] != VERSION)
            return EVD_ERR_INTERNAL;
    }
    return evd_reply_uint(call, ++s->calls);
}

/* Answers in its second step, by the code and the static variables it began with. */
static int later(void *state, struct evd_call *call)
{
    (void)state;
    if (call->context == NULL) {
        call->context = call;
        static_calls++;
        return EVD_MORE;
    }
    return evd_reply_uint(call, VERSION * 1000 + static_calls);
}

static const struct evd_function functions[] = {
#if LAYOUT == 0
    {"version", version},
    {"count", count},
    {"calls", calls},
    {"later", later},
#else
    {"extra", count},
    {"later", later},
    {"calls", calls},
    {"version", version},
#endif
};

EVD_MODULE(reload, .state_size = sizeof(struct state), .open = open_reload,
           EVD_FUNCTIONS(functions));
