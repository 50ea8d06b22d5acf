/* A sound module in the wrong place: no event may reach it. */
#include <evdispatch/module.h>

static int f(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply_string(call, EVD_SLICE("served from outside the modules folder"));
}

static const struct evd_function functions[] = {
    {"f", f},
};

EVD_MODULE(outside, EVD_FUNCTIONS(functions));
