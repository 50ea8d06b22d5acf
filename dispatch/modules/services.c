/* api.services: whether the server is up. The smallest module there is. */
#include <evdispatch/module.h>

static int status(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, EVD_SLICE("\"online\""));
}

static const struct evd_function functions[] = {
    {"status", status},
};

EVD_MODULE(services, EVD_FUNCTIONS(functions));
