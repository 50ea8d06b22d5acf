/* open() refuses as long as the environment says so; what it acquired before, it releases. close()
 * ends the process if it meets a state that open() did not make. */
#include <evdispatch/module.h>
#include <stdlib.h>

#define OPEN 0x0123456789abcdefu

struct state {
    uint64_t is_open;
};

static int open_fickle(void *state, const struct evd_config *config)
{
    (void)config;
    struct state *s = state;
    void *acquired = malloc(10);
    free(acquired);
    if (acquired == NULL)
        return EVD_ERR_NO_MEMORY;
    if (getenv("EVD_TEST_REFUSE") != NULL)
        return EVD_ERR_BUSY;
    s->is_open = OPEN;
    return 1; /* what is not negative is well */
}

static void close_fickle(void *state)
{
    struct state *s = state;
    if (s->is_open != OPEN)
        abort();
    s->is_open = 0;
}

static int ask(void *state, struct evd_call *call)
{
    struct state *s = state;
    return evd_reply_uint(call, s->is_open == OPEN);
}

static const struct evd_function functions[] = {
    {"ask", ask},
};

EVD_MODULE(fickle, .state_size = sizeof(struct state), .open = open_fickle, .close = close_fickle,
           EVD_FUNCTIONS(functions));
