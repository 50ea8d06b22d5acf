/* VERSION tells one build from another; a static variable tells one load from another. Version 2
 * has a function more, and it stands first. */
#include <evdispatch/module.h>

static uint64_t static_calls;

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

static int never(void *state, struct evd_call *call)
{
    (void)state;
    (void)call;
    return EVD_MORE;
}

static const struct evd_function functions[] = {
#if VERSION > 1
    {"added", version},
#endif
    {"version", version},
    {"count", count},
    {"never", never},
};

EVD_MODULE(versioned, EVD_FUNCTIONS(functions));
