/* Declares one function twice, with others between. */
#include <evdispatch/module.h>

static int first(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, EVD_SLICE("1"));
}

static int second(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, EVD_SLICE("2"));
}

static const struct evd_function functions[] = {
    {"b", first}, {"one", first}, {"a", first}, {"one", second}, {"c", second}};

EVD_MODULE(twice, EVD_FUNCTIONS(functions));
