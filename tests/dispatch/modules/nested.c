/* Lies some folders down, and knows its full name. */
#include <evdispatch/module.h>
#include <string.h>

struct state {
    char name[64];
};

static int open_nested(void *state, const struct evd_config *config)
{
    struct state *s = state;
    if (config->size < sizeof *config || strlen(config->module) >= sizeof s->name)
        return EVD_ERR_INTERNAL;
    (void)strcpy(s->name, config->module);
    return EVD_OK;
}

static int whoami(void *state, struct evd_call *call)
{
    struct state *s = state;
    return evd_reply_string(call, evd_slice_text(s->name));
}

static const struct evd_function functions[] = {
    {"whoami", whoami},
};

EVD_MODULE(nested, .state_size = sizeof(struct state), .open = open_nested,
           EVD_FUNCTIONS(functions));
