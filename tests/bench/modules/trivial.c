/* The least that a module can be: its answer is a constant. */
#include <evdispatch/module.h>

static int nop(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, EVD_SLICE("null"));
}

static const struct evd_function functions[] = {{"nop", nop}};

EVD_MODULE(bench_trivial, .state_size = STATE_SIZE, EVD_FUNCTIONS(functions));
