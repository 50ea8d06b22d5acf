/* A module of the tests: calls that stay unfinished, and what is told of them. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>

#include <stdlib.h>

struct state {
    int is_open; /* the gate */
    char config[128];
};

static int open_defer(void *state, const struct evd_config *config)
{
    struct state *s = state;
    (void)snprintf(s->config, sizeof s->config, "%.*s", (int)config->json.len, config->json.ptr);
    return EVD_OK;
}

static int config(void *state, struct evd_call *call)
{
    const struct state *s = state;
    return evd_reply_string(call, evd_slice_text(s->config));
}

static void tell(struct evd_call *call, const char *what)
{
    char text[128];
    struct evd_slice data = evd_data(call);
    (void)snprintf(text, sizeof text, "%s %.*s;", what, (int)data.len, data.ptr);
    evd_log(call, EVD_LOG_INFO, text);
}

/* Answers with its data when the gate is open; looks every so many nanoseconds. */
static int look(void *state, struct evd_call *call, uint64_t every_ns)
{
    const struct state *s = state;
    if (s->is_open)
        return evd_reply(call, evd_data(call));
    if (call->context == NULL)
        tell(call, "waits");
    call->context = call;
    (void)evd_wait(call, every_ns);
    return EVD_MORE;
}

static int yield(void *state, struct evd_call *call)
{
    return look(state, call, 0);
}

static int wait_ms(void *state, struct evd_call *call)
{
    return look(state, call, 1000000);
}

static int gate(void *state, struct evd_call *call)
{
    struct state *s = state;
    s->is_open = 1;
    return evd_reply(call, EVD_SLICE("\"open\""));
}

/* Never answers, and owns memory meanwhile. */
static int hold(void *state, struct evd_call *call)
{
    (void)state;
    if (call->context == NULL)
        call->context = malloc(1000);
    tell(call, "holds");
    (void)evd_wait(call, UINT64_MAX);
    return EVD_MORE;
}

static void cancel(void *state, struct evd_call *call)
{
    (void)state;
    tell(call, "cancelled");
    if (call->context != call)
        free(call->context);
}

static int who(void *state, struct evd_call *call)
{
    (void)state;
    const struct evd_caller *caller = evd_caller(call);
    char text[128];
    int len = snprintf(text, sizeof text, "%llu %s [%.*s]", (unsigned long long)caller->connection,
                       caller->transport, (int)caller->claims.len, caller->claims.ptr);
    return evd_reply_string(call, evd_slice(text, (size_t)len));
}

static const struct evd_function functions[] = {
    {"config", config}, {"yield", yield}, {"wait", wait_ms},
    {"gate", gate},     {"hold", hold},   {"who", who},
};

EVD_MODULE(defer, .state_size = sizeof(struct state), .open = open_defer, .cancel = cancel,
           EVD_FUNCTIONS(functions));
