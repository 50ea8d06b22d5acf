#include "host.h"

#include "json.h"
#include "tree.h"

#include <string.h>

static struct evd_flight *flight_of(struct evd_call *call)
{
    return (struct evd_flight *)call; /* the first member */
}

static int reply(struct evd_call *call, struct evd_slice data)
{
    struct evd_flight *flight = flight_of(call);
    if (flight->answered)
        return EVD_ERR_ANSWERED;
    int rc = flight->sink->reply(flight->sink, data);
    if (rc >= 0)
        flight->answered = true;
    else
        flight->refused = rc;
    return rc;
}

static int reply_string(struct evd_call *call, struct evd_slice text)
{
    struct evd_flight *flight = flight_of(call);
    if (text.len > flight->arena.max / 8)
        return EVD_ERR_TOO_LARGE;
    char small[512];
    size_t room = EVD_JSON_ESCAPED_MAX(text.len) + 2;
    char *out = room <= sizeof small ? small : evd_arena_alloc(&flight->arena, room);
    if (out == NULL)
        return EVD_ERR_NO_MEMORY;
    out[0] = '"';
    size_t len = evd_json_escape(text, out + 1);
    out[len + 1] = '"';
    return reply(call, evd_slice(out, len + 2));
}

static int reply_json(struct evd_call *call, const struct cJSON *tree)
{
    struct evd_slice text;
    int rc = evd_tree_print(&flight_of(call)->arena, tree, &text);
    return rc < 0 ? rc : reply(call, text);
}

static int fail(struct evd_call *call, struct evd_slice code, struct evd_slice message)
{
    struct evd_flight *flight = flight_of(call);
    if (flight->answered)
        return EVD_ERR_ANSWERED;
    int rc = flight->sink->fail(flight->sink, code, message);
    if (rc >= 0)
        flight->answered = true;
    else
        flight->refused = rc;
    return rc;
}

static int json(struct evd_call *call, const struct cJSON **ret_tree)
{
    struct evd_flight *flight = flight_of(call);
    if (flight->data_tree == NULL) {
        int rc =
            evd_tree_parse(&flight->arena, call->message.data, flight->dispatch->config.max_depth,
                           &flight->data_tree, &flight->error);
        if (rc < 0)
            return rc;
    }
    *ret_tree = flight->data_tree;
    return EVD_OK;
}

/* Whether a member's key, as it stands between its quotes, means `key`. */
static bool key_equal(struct evd_slice raw, struct evd_slice key)
{
    char undone[EVD_EVENT_MAX];
    if (memchr(raw.ptr, '\\', raw.len) == NULL)
        return evd_slice_equal(raw, key);
    int64_t len = evd_json_unescape(raw, undone, sizeof undone);
    return len >= 0 && evd_slice_equal(evd_slice(undone, (size_t)len), key);
}

/* Only the member that is asked for becomes a tree: beside it may stand a payload of any size, in
 * any encoding. The last of several equal keys counts, as in JavaScript. */
static int member(struct evd_call *call, const char *key, const struct cJSON **ret_tree)
{
    struct evd_flight *flight = flight_of(call);
    unsigned max_depth = flight->dispatch->config.max_depth;
    struct evd_slice wanted = evd_slice_text(key), name, value, found = {0};
    struct evd_json_scan scan;

    *ret_tree = NULL;
    if (call->message.envelope.len == 0)
        return EVD_OK;
    evd_json_scan_init(&scan, call->message.envelope, max_depth);
    int rc = evd_json_scan_object(&scan);
    if (rc < 0)
        return rc;
    while ((rc = evd_json_scan_member(&scan, &name, NULL, &value)) == EVD_MORE) {
        if (key_equal(name, wanted))
            found = value;
    }
    if (rc < 0 || found.len == 0)
        return rc;
    return evd_tree_parse(&flight->arena, found, max_depth, ret_tree, &flight->error);
}

static int wait_for(struct evd_call *call, uint64_t nanoseconds)
{
    flight_of(call)->wait_ns = nanoseconds < EVD_WAIT_MAX_NS ? nanoseconds : EVD_WAIT_MAX_NS;
    return EVD_OK;
}

/* The event without its last segment, which is in the table only with both. */
static struct evd_slice module_of(struct evd_slice event)
{
    const char *dot = memrchr(event.ptr, '.', event.len);
    return evd_slice(event.ptr, dot == NULL ? event.len : (size_t)(dot - event.ptr));
}

static void log_line(struct evd_call *call, enum evd_log_level level, struct evd_slice text)
{
    evd_module_log_line(&flight_of(call)->dispatch->host.log, evd_module_log_now(),
                        module_of(call->message.event), level, text);
}

const struct evd_host evd_host_table = {
    .abi_version = EVD_ABI_VERSION,
    .size = sizeof(struct evd_host),
    .reply = reply,
    .reply_string = reply_string,
    .reply_json = reply_json,
    .fail = fail,
    .json = json,
    .member = member,
    .wait = wait_for,
    .log = log_line,
};

/* ---- What a module is told when it is opened. ---- */

static void log_opening(const struct evd_config *config, enum evd_log_level level,
                        struct evd_slice text)
{
    const struct evd_opening *opening = (const struct evd_opening *)config; /* the first member */
    if (opening->host != NULL)
        evd_module_log_line(&opening->host->log, evd_module_log_now(),
                            evd_slice_text(config->module), level, text);
}

void evd_opening_init(struct evd_opening *opening, const struct evd_dispatch_config *config,
                      const char *name)
{
    opening->config =
        (struct evd_config){.size = sizeof opening->config, .module = name, .log = log_opening};
    opening->host = config->host;
    if (config->host != NULL)
        opening->config.json = evd_module_config_get(&config->host->config, name);
}

int evd_module_open(const struct evd_module *module, const struct evd_opening *opening, void *state)
{
    if (module->state_size > 0)
        memset(state, 0, module->state_size);
    if (module->open != NULL && module->open(state, &opening->config) < 0)
        return EVD_ERR_OPEN_FAILED;
    if (opening->host != NULL)
        opening->host->constructed++;
    return EVD_OK;
}
