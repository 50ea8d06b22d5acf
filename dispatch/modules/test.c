/* api.test: answers with what it was sent, unread. */
#include <evdispatch/module.h>

static int board(void *state, struct evd_call *call)
{
    (void)state;
    struct evd_slice data = evd_data(call);
    return evd_reply(call, data.len > 0 ? data : EVD_SLICE("null"));
}

static const struct evd_function functions[] = {
    {"board", board},
};

EVD_MODULE(test, EVD_FUNCTIONS(functions));
