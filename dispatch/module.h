/* All that a module's author includes. One source, compiled once, serves every backend:
 *
 *   static     linked in, opened once when the server starts
 *   dynamic    a shared object, opened once (cached) or for every call (call)
 *   instance   a state of its own for every call: allocated, opened, used, closed, freed
 *
 * A module runs on one thread at a time with the state it is given, and never needs a lock. It
 * reaches the server only through the call, so a shared object needs no symbol of the server.
 * modules/TEMPLATE.c is the one to copy. */
#ifndef EVD_MODULE_H
#define EVD_MODULE_H

#include "message.h"
#include "status.h"

#include <stdint.h>
#include <stdio.h>

#define EVD_ABI_VERSION 1

/* evd_wait(): a day. A longer wait is cut to it. */
#define EVD_WAIT_MAX_NS UINT64_C(86400000000000)

struct cJSON;
struct evd_call;

enum evd_log_level { EVD_LOG_ERROR, EVD_LOG_WARNING, EVD_LOG_INFO };

/* Given to open(), valid until it returns. Grows at its end only; `size` says how much of it the
 * host knows. */
struct evd_config {
    uint32_t size;
    const char *module; /* the module's full name, "api.services" */
    /* What the operator wrote for this module (evd-server --module-config): any JSON value, its
     * text validated; "" when there is nothing. cJSON_ParseWithLength(json.ptr, json.len) takes it.
     */
    struct evd_slice json;
    void (*log)(const struct evd_config *config, enum evd_log_level level, struct evd_slice text);
};

/* Who calls. Grows at its end only; `size` says how much of it the host knows. */
struct evd_caller {
    uint32_t size;
    uint64_t connection;      /* never twice in the server's life; 0: no connection */
    const char *transport;    /* "jsonl", "frame"; "" without a connection */
    struct evd_slice claims;  /* of the caller's token, a JSON object; "" when there is none */
    struct evd_slice subject; /* the token's "sub", escapes undone; "" when there is none */
};

/* What the host does for a call. Grows at its end only; `size` tells how far. */
struct evd_host {
    uint32_t abi_version;
    uint32_t size;
    int (*reply)(struct evd_call *call, struct evd_slice data);
    int (*reply_string)(struct evd_call *call, struct evd_slice text);
    int (*reply_json)(struct evd_call *call, const struct cJSON *tree);
    int (*fail)(struct evd_call *call, struct evd_slice code, struct evd_slice message);
    int (*json)(struct evd_call *call, const struct cJSON **ret_tree);
    int (*member)(struct evd_call *call, const char *key, const struct cJSON **ret_tree);
    int (*wait)(struct evd_call *call, uint64_t nanoseconds);
    void (*log)(struct evd_call *call, enum evd_log_level level, struct evd_slice text);
};

/* One event in flight, as a module sees it. Valid until the function returns EVD_DONE or fails. */
struct evd_call {
    const struct evd_host *host;
    struct evd_message message; /* read it; data is valid as long as the call */
    /* The module's own, NULL at first, kept over EVD_MORE; the host never looks at it. What it
     * points to is the module's to free: the function does before it ends the call (by an answer,
     * EVD_DONE or a negative status), and cancel() does for a call that nobody waits for any more.
     */
    void *context;
};

/* A function answers (evd_reply_*, evd_fail) and returns EVD_DONE, or returns EVD_MORE and is
 * called again with the same state and call: when the wait it asked for by evd_wait() is over, and
 * at once, after other work, if it asked for none. A negative status fails the call with that
 * status's text. `return evd_reply_uint(call, n);` is the usual last line. */
typedef int (*evd_function_fn)(void *state, struct evd_call *call);

struct evd_function {
    const char *name; /* the event's last segment, of [A-Za-z0-9_-] */
    evd_function_fn fn;
};

struct evd_module {
    uint32_t abi_version; /* EVD_ABI_VERSION */
    uint32_t size;        /* sizeof(struct evd_module) */
    uint32_t host_size;   /* sizeof(struct evd_host): what it may call; a host with less refuses */
    const char *name;     /* for logs; the file or the table gives the name clients use */
    size_t state_size; /* bytes, zeroed and aligned as by malloc before open(); 0: state is not to
                          be touched */
    /* Evaluates the module into its state. May be NULL. A negative status refuses: what it had
     * acquired it releases itself, close() is not called. */
    int (*open)(void *state, const struct evd_config *config);
    void (*close)(void *state); /* may be NULL */
    /* The peer of an unfinished call (EVD_MORE) is gone: the function is not called again, and what
     * call->context owns is to be freed. The call can still be read and logged, an answer gives
     * EVD_ERR_ANSWERED. Before close() of a state that is this call's alone. May be NULL. */
    void (*cancel)(void *state, struct evd_call *call);
    const struct evd_function *functions;
    size_t function_count;
};

#define EVD_FUNCTIONS(array)                                                                       \
    .functions = (array), .function_count = sizeof(array) / sizeof(*(array))

/* Defines the module. `ident` is the name of the source file; it is unique in a static table. The
 * weak entry is what the loader looks up in a shared object; linked in statically it is unused, and
 * being weak it may then stand once in each module. */
#define EVD_MODULE(ident, ...)                                                                     \
    extern const struct evd_module evd_module_##ident;                                             \
    const struct evd_module evd_module_##ident = {.abi_version = EVD_ABI_VERSION,                  \
                                                  .size = sizeof(struct evd_module),               \
                                                  .host_size = sizeof(struct evd_host),            \
                                                  .name = #ident,                                  \
                                                  __VA_ARGS__};                                    \
    extern const struct evd_module *const evd_module_entry;                                        \
    __attribute__((weak, visibility("default"))) const struct evd_module *const evd_module_entry = \
        &evd_module_##ident

#define EVD_MODULE_ENTRY_SYMBOL "evd_module_entry"

/* ---- What a function may do with its call. Each returns EVD_OK or a negative status. ---- */

/* The call's payload: bytes, its codec undone. Valid as long as the call. */
static inline struct evd_slice evd_data(const struct evd_call *call)
{
    return call->message.data;
}

/* The payload as a cJSON tree, built on the first request and kept in the call's arena: read only,
 * never cJSON_Delete it, gone with the call. EVD_ERR_BAD_DATA if the payload is not JSON; an empty
 * payload is JSON null. `return`ing that status answers the client properly. */
static inline int evd_json(struct evd_call *call, const struct cJSON **ret_tree)
{
    return call->host->json(call, ret_tree);
}

/* A member of the envelope beside event and data ({"event":…, "name":…}): *ret_tree is NULL when
 * there is none. Same lifetime as evd_json. */
static inline int evd_member(struct evd_call *call, const char *key, const struct cJSON **ret_tree)
{
    return call->host->member(call, key, ret_tree);
}

/* The answer, as JSON text, which the module vouches for; or the call's own payload, passed through
 * unread. Copied before it returns. One answer a call: a second gives EVD_ERR_ANSWERED. */
static inline int evd_reply(struct evd_call *call, struct evd_slice json)
{
    return call->host->reply(call, json);
}

/* The answer as a JSON string: `text` is UTF-8 and is escaped here. */
static inline int evd_reply_string(struct evd_call *call, struct evd_slice text)
{
    return call->host->reply_string(call, text);
}

/* The answer as a tree, which stays the caller's. */
static inline int evd_reply_json(struct evd_call *call, const struct cJSON *tree)
{
    return call->host->reply_json(call, tree);
}

static inline int evd_reply_uint(struct evd_call *call, uint64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return call->host->reply(call, evd_slice(text, (size_t)len));
}

/* The answer is an error: `code` is a short name ([a-z_]+) that programs test, `message` is UTF-8
 * for people. */
static inline int evd_fail(struct evd_call *call, const char *code, const char *message)
{
    return call->host->fail(call, evd_slice_text(code), evd_slice_text(message));
}

/* Before `return EVD_MORE`: call me again no sooner than this (at most EVD_WAIT_MAX_NS), without
 * blocking anyone. Without it, or with 0, the function is called again after what else is due. */
static inline int evd_wait(struct evd_call *call, uint64_t nanoseconds)
{
    return call->host->wait(call, nanoseconds);
}

/* A line of the server's log, "module api.services: TEXT". At most 512 bytes of the text, control
 * characters and what is not UTF-8 as \xNN; at most 100 lines a second of all modules together:
 * what is dropped is counted and the count is logged. The client sees nothing of it. */
static inline void evd_log(struct evd_call *call, enum evd_log_level level, const char *text)
{
    call->host->log(call, level, evd_slice_text(text));
}

/* The same from open(). */
static inline void evd_config_log(const struct evd_config *config, enum evd_log_level level,
                                  const char *text)
{
    config->log(config, level, evd_slice_text(text));
}

/* Who calls; never NULL, valid as long as the call. */
static inline const struct evd_caller *evd_caller(const struct evd_call *call)
{
    return call->message.caller;
}

/* The claims of the caller's token, a JSON object whose signature and times the server has checked;
 * "" when the server asks for no token. cJSON_ParseWithLength() takes it. Valid as long as the
 * call. */
static inline struct evd_slice evd_claims(const struct evd_call *call)
{
    return call->message.caller->claims;
}

/* The "sub" of these claims, UTF-8; "" when there is none, or when the host is older than this. */
static inline struct evd_slice evd_subject(const struct evd_call *call)
{
    const struct evd_caller *caller = call->message.caller;
    if (caller->size < offsetof(struct evd_caller, subject) + sizeof caller->subject)
        return evd_slice(NULL, 0);
    return caller->subject;
}

#endif
