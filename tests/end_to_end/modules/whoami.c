/* Answers with what it is told of its caller. */
#include <evdispatch/module.h>

static int claims(void *state, struct evd_call *call)
{
    (void)state;
    struct evd_slice json = evd_claims(call);
    return evd_reply(call, json.len > 0 ? json : EVD_SLICE("null"));
}

static int subject(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply_string(call, evd_subject(call));
}

/* The claims, in a call that was resumed. */
static int later(void *state, struct evd_call *call)
{
    if (call->context != NULL)
        return claims(state, call);
    call->context = call;
    return EVD_MORE;
}

static const struct evd_function functions[] = {
    {"claims", claims}, {"subject", subject}, {"later", later}};

EVD_MODULE(whoami, EVD_FUNCTIONS(functions));
