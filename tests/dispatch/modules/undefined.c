/* Needs a symbol that nobody has. */
#include <evdispatch/module.h>

int evd_test_symbol_of_nobody(void);

static int version(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply_uint(call, (uint64_t)evd_test_symbol_of_nobody());
}

static const struct evd_function functions[] = {
    {"version", version},
};

EVD_MODULE(undefined, EVD_FUNCTIONS(functions));
