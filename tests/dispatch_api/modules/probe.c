/* Tells what a module is told: its configuration, its caller, the end of a call. Its memory is
 * cJSON's, so that a leak in a shared object is the test's. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>

struct state {
    char config[256];
    uint64_t held;
};

static int open_probe(void *state, const struct evd_config *config)
{
    struct state *s = state;
    (void)snprintf(s->config, sizeof s->config, "%u %s %.*s", config->size >= sizeof *config,
                   config->module, (int)config->json.len, config->json.ptr);
    cJSON *json = cJSON_ParseWithLength(config->json.ptr, config->json.len);
    int refuse = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "refuse"));
    cJSON_Delete(json);
    evd_config_log(config, EVD_LOG_INFO, refuse ? "refuses" : "opens");
    return refuse ? EVD_ERR_BUSY : EVD_OK;
}

static int config(void *state, struct evd_call *call)
{
    const struct state *s = state;
    return evd_reply_string(call, evd_slice_text(s->config));
}

static int caller(void *state, struct evd_call *call)
{
    (void)state;
    const struct evd_caller *who = evd_caller(call);
    char text[256];
    int len = snprintf(text, sizeof text, "%u %llu %s [%.*s]", who->size >= sizeof *who,
                       (unsigned long long)who->connection, who->transport, (int)who->claims.len,
                       who->claims.ptr);
    return evd_reply_string(call, evd_slice(text, (size_t)len));
}

/* Logs its data, a string, once at each level and once at one that is none. */
static int say(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data;
    int rc = evd_json(call, &data);
    if (rc < 0)
        return rc;
    evd_log(call, EVD_LOG_ERROR, data->valuestring);
    evd_log(call, EVD_LOG_WARNING, data->valuestring);
    evd_log(call, EVD_LOG_INFO, data->valuestring);
    evd_log(call, (enum evd_log_level)7, data->valuestring);
    return evd_reply(call, EVD_SLICE("null"));
}

/* Holds memory while it waits; answers in its third step. */
static int hold(void *state, struct evd_call *call)
{
    struct state *s = state;
    char *own = call->context;
    if (own == NULL) {
        own = call->context = cJSON_malloc(100);
        if (own == NULL)
            return EVD_ERR_NO_MEMORY;
        own[0] = 0;
        s->held++;
        (void)evd_wait(call, UINT64_MAX);
        return EVD_MORE;
    }
    if (++own[0] < 2)
        return EVD_MORE;
    cJSON_free(own);
    return evd_reply_uint(call, --s->held);
}

static void cancel(void *state, struct evd_call *call)
{
    struct state *s = state;
    char text[128];
    s->held--;
    int rc = evd_reply(call, EVD_SLICE("\"too late\""));
    (void)snprintf(text, sizeof text, "cancelled %.*s, reply %d, fail %d, held %llu",
                   (int)evd_data(call).len, evd_data(call).ptr, rc, evd_fail(call, "x", "y"),
                   (unsigned long long)s->held);
    evd_log(call, EVD_LOG_WARNING, text);
    cJSON_free(call->context);
}

/* Closed before its time if the state were not: the state of a cancelled call is still open. */
static void close_probe(void *state)
{
    struct state *s = state;
    s->config[0] = '\0';
}

static const struct evd_function functions[] = {
    {"config", config},
    {"caller", caller},
    {"say", say},
    {"hold", hold},
};

EVD_MODULE(probe, .state_size = sizeof(struct state), .open = open_probe, .close = close_probe,
           .cancel = cancel, EVD_FUNCTIONS(functions));
