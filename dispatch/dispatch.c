#include "dispatch.h"

#include "backend.h"
#include "host.h"
#include "json.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>

static const struct evd_backend *const backends[] = {
#define EVD_BACKEND(ident) &evd_backend_##ident,
#include "backend.def"
#undef EVD_BACKEND
};

const char *const evd_backend_names[] = {
#define EVD_BACKEND(ident) #ident,
#include "backend.def"
#undef EVD_BACKEND
    NULL,
};

static const struct evd_backend *find_backend(const char *name, struct evd_error *ret_error)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    }
    char allowed[160] = "";
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        size_t len = strlen(allowed);
        (void)snprintf(allowed + len, sizeof allowed - len, "%s%s", i == 0 ? "" : ", ",
                       backends[i]->name);
    }
    (void)evd_error_set(ret_error, EVD_ERR_USAGE, "backend \"%s\" is not one of: %s", name,
                        allowed);
    return NULL;
}

static void release(struct evd_dispatch *dispatch)
{
    evd_module_log_end(&dispatch->host.log);
    evd_module_config_close(&dispatch->host.config);
    evd_arena_cache_release(&dispatch->arena_cache);
    free(dispatch->modules_dir);
    free(dispatch);
}

static bool knows(const struct evd_dispatch *dispatch, struct evd_slice module)
{
    if (dispatch->backend->knows != NULL)
        return dispatch->backend->knows(dispatch->self, module);
    for (size_t i = 0; i < dispatch->config.builtin_count; i++) {
        if (evd_slice_equal(evd_slice_text(dispatch->config.builtins[i].name), module))
            return true;
    }
    return false;
}

/* A name that is misspelt would otherwise go unseen. A module of a folder may come yet. */
static void warn_of_unknown(const struct evd_dispatch *dispatch)
{
    const struct evd_module_config *config = &dispatch->host.config;
    bool may_come = dispatch->backend->knows != NULL;
    enum evd_log_level level = may_come ? EVD_LOG_INFO : EVD_LOG_WARNING;
    for (size_t i = 0; i < config->count; i++) {
        struct evd_slice name = config->entries[i].name;
        if (!knows(dispatch, name))
            evd_dispatch_log(&dispatch->config, level, "%s configures %.*s, which is no module%s",
                             evd_module_config_from(&dispatch->config), (int)name.len, name.ptr,
                             may_come ? " yet" : "");
    }
}

int evd_dispatch_open(const struct evd_dispatch_config *config, struct evd_dispatch **ret_dispatch,
                      struct evd_error *ret_error)
{
    const struct evd_backend *backend = find_backend(config->backend, ret_error);
    if (backend == NULL)
        return EVD_ERR_USAGE;
    evd_tree_init();

    struct evd_dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (dispatch == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    dispatch->backend = backend;
    dispatch->config = *config;
    if (dispatch->config.max_depth == 0)
        dispatch->config.max_depth = EVD_JSON_DEPTH_DEFAULT;
    if (dispatch->config.max_tree == 0)
        dispatch->config.max_tree = EVD_MAX_TREE_DEFAULT;
    int rc = EVD_OK;
    if (config->modules_dir != NULL) {
        dispatch->modules_dir = strdup(config->modules_dir);
        if (dispatch->modules_dir == NULL)
            rc = evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
        dispatch->config.modules_dir = dispatch->modules_dir;
    }
    evd_module_log_init(&dispatch->host.log, config->log, config->log_context);
    dispatch->config.host = &dispatch->host;
    if (rc >= 0)
        rc = evd_module_config_open(&dispatch->host.config, &dispatch->config, ret_error);
    if (rc >= 0)
        rc = backend->open(&dispatch->config, &dispatch->self, ret_error);
    if (rc < 0) {
        release(dispatch);
        return rc;
    }
    warn_of_unknown(dispatch);
    dispatch->config.module_config = (struct evd_slice){0}; /* what was given is not ours */
    dispatch->config.module_config_from = NULL;
    *ret_dispatch = dispatch;
    return EVD_OK;
}

void evd_dispatch_close(struct evd_dispatch *dispatch)
{
    if (dispatch == NULL)
        return;
    dispatch->backend->close(dispatch->self);
    release(dispatch);
}

size_t evd_dispatch_endpoints(const struct evd_dispatch *dispatch)
{
    return dispatch->backend->endpoints(dispatch->self);
}

int evd_dispatch_watch_fd(const struct evd_dispatch *dispatch)
{
    const struct evd_backend *backend = dispatch->backend;
    return backend->watch_fd != NULL ? backend->watch_fd(dispatch->self) : -1;
}

void evd_dispatch_watch(struct evd_dispatch *dispatch)
{
    if (dispatch->backend->watch != NULL)
        dispatch->backend->watch(dispatch->self);
}

void evd_dispatch_get_stats(const struct evd_dispatch *dispatch,
                            struct evd_dispatch_stats *ret_stats)
{
    *ret_stats = (struct evd_dispatch_stats){0};
    if (dispatch->backend->stats != NULL)
        dispatch->backend->stats(dispatch->self, ret_stats);
    else
        ret_stats->modules = dispatch->config.builtin_count;
    ret_stats->constructed = dispatch->host.constructed;
    ret_stats->instances = dispatch->host.constructed - dispatch->host.destroyed;
    ret_stats->arena_bytes = dispatch->arena_cache.held;
}

/* "testFuncFn" -> "TestFuncFn doesn't exist" */
static void describe_unknown(struct evd_slice event, char *out, size_t cap)
{
    const char *dot = memrchr(event.ptr, '.', event.len);
    size_t skip = dot == NULL ? 0 : (size_t)(dot - event.ptr) + 1;
    (void)snprintf(out, cap, "%.*s doesn't exist", (int)(event.len - skip), event.ptr + skip);
    if (out[0] >= 'a' && out[0] <= 'z')
        out[0] = (char)(out[0] - 'a' + 'A');
}

static int fail_status(struct evd_flight *flight, int status)
{
    struct evd_slice event = flight->call.message.event;
    char text[EVD_EVENT_MAX + 32];
    struct evd_slice message = evd_slice_text(evd_status_text(status));

    if (flight->answered)
        return EVD_DONE;
    if (status == EVD_ERR_NO_SUCH_FUNCTION && evd_name_is_valid(event)) {
        describe_unknown(event, text, sizeof text);
        message = evd_slice_text(text);
    } else if (status == EVD_ERR_BAD_DATA && flight->error.text[0] != '\0') {
        message = evd_slice_text(flight->error.text);
    }
    flight->answered = true;
    (void)flight->sink->fail(flight->sink, evd_slice_text(evd_status_code(status)), message);
    return EVD_DONE;
}

/* The function has ended the call without an answer. */
static void answer_for(struct evd_flight *flight, int rc)
{
    if (rc >= 0) /* a module need not look at what its answer came to */
        rc = flight->refused < 0 ? flight->refused : EVD_ERR_NO_ANSWER;
    (void)fail_status(flight, rc);
}

static inline void end(struct evd_flight *flight)
{
    struct evd_dispatch *dispatch = flight->dispatch;
    dispatch->backend->release(dispatch->self, &flight->target);
    if (flight->arena.chunks != NULL)
        evd_arena_reset(&flight->arena);
}

/* Calls the function once, and ends the call unless it wants more. */
static inline int step(struct evd_flight *flight)
{
    flight->wait_ns = 0;
    int rc = flight->target.fn(flight->target.state, &flight->call);
    if (!flight->answered) {
        if (rc == EVD_MORE)
            return EVD_MORE;
        answer_for(flight, rc);
    }
    end(flight);
    return EVD_DONE;
}

/* Nothing was acquired. A name in the table is valid by construction, so only a miss is examined
 * further; the order of the checks is the order of helpfulness. */
static int explain_missing(struct evd_flight *flight, int rc)
{
    struct evd_slice event = flight->call.message.event;
    if (rc == EVD_ERR_NO_SUCH_FUNCTION && event.len == 0)
        rc = EVD_ERR_EMPTY_EVENT;
    else if (rc == EVD_ERR_NO_SUCH_FUNCTION && !evd_name_is_valid(event))
        rc = EVD_ERR_BAD_EVENT;
    return fail_status(flight, rc);
}

static const struct evd_caller nobody = {.size = sizeof nobody, .transport = ""};

void evd_flight_init(struct evd_flight *flight, struct evd_dispatch *dispatch,
                     struct evd_sink *sink)
{
    flight->call.host = &evd_host_table;
    flight->call.message.caller = &nobody;
    flight->dispatch = dispatch;
    flight->sink = sink;
    evd_arena_init(&flight->arena, &dispatch->arena_cache, dispatch->config.max_tree);
}

int evd_flight_run(struct evd_flight *flight)
{
    struct evd_dispatch *dispatch = flight->dispatch;
    flight->call.context = NULL;
    flight->target.number = 0;
    flight->data_tree = NULL;
    flight->answered = false;
    flight->refused = EVD_OK;
    flight->error.text[0] = '\0';

    int rc =
        dispatch->backend->acquire(dispatch->self, flight->call.message.event, &flight->target);
    if (rc < 0)
        return explain_missing(flight, rc);
    if (flight->sink->acquired != NULL)
        flight->sink->acquired(flight->sink);
    return step(flight);
}

int evd_dispatch_call(struct evd_dispatch *dispatch, const struct evd_message *message,
                      struct evd_sink *sink, struct evd_flight *flight)
{
    evd_flight_init(flight, dispatch, sink);
    flight->call.message = *message;
    if (message->caller == NULL)
        flight->call.message.caller = &nobody;
    return evd_flight_run(flight);
}

int evd_dispatch_resume(struct evd_flight *flight)
{
    return step(flight);
}

void evd_dispatch_cancel(struct evd_flight *flight)
{
    flight->answered = true; /* nobody is there to have one */
    if (flight->target.module->cancel != NULL)
        flight->target.module->cancel(flight->target.state, &flight->call);
    end(flight);
}
