/* api.test with an instance of 64 bytes that is really made: answers with what it was sent. */
#include <evdispatch/module.h>

#include <string.h>

struct state {
    unsigned char bytes[64];
};

static int open_state(void *state, const struct evd_config *config)
{
    (void)config;
    memset(((struct state *)state)->bytes, 1, sizeof((struct state *)state)->bytes);
    return EVD_OK;
}

static int board(void *state, struct evd_call *call)
{
    const struct state *s = state;
    return s->bytes[63] == 1 ? evd_reply(call, evd_data(call)) : EVD_ERR_INTERNAL;
}

static const struct evd_function functions[] = {
    {"board", board},
};

EVD_MODULE(test64, .state_size = sizeof(struct state), .open = open_state,
           EVD_FUNCTIONS(functions));
