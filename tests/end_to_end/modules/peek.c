/* A module of the tests: which symbols of the process the loader gives to a shared object. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>

#define SERVERS(X) X(evd_dispatch_open) X(evd_host_table) X(evd_worker_run)

/* Weak: what nobody has is NULL, and the object loads all the same. */
#define DECLARE(name) extern const char name __attribute__((weak));
SERVERS(DECLARE)
#undef DECLARE

/* The names of those that were found. */
static int found(void *state, struct evd_call *call)
{
    (void)state;
    char text[256];
    int len = snprintf(text, sizeof text, "%s", cJSON_Version() != NULL ? "cJSON" : "");
#define LOOK(name)                                                                                 \
    if (&name != NULL)                                                                             \
        len += snprintf(text + len, sizeof text - (size_t)len, " %s", #name);
    SERVERS(LOOK)
#undef LOOK
    return evd_reply_string(call, evd_slice(text, (size_t)len));
}

static const struct evd_function functions[] = {
    {"found", found},
};

EVD_MODULE(peek, EVD_FUNCTIONS(functions));
