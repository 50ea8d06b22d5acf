/* Dispatch: an event in, its answer out, by whichever backend was opened. No sockets, no loop.
 *
 * One struct evd_dispatch serves one thread; with several threads each opens its own, so a module's
 * state is never shared between threads and no lock is taken on a call. */
#ifndef EVD_DISPATCH_H
#define EVD_DISPATCH_H

#include "arena.h"
#include "module.h"

#include <stdbool.h>

struct evd_backend;
struct evd_dispatch;
struct evd_host_state;

/* A module that is linked in. Tables of these live as long as the process. */
struct evd_builtin {
    const char *name; /* "api.services" */
    const struct evd_module *module;
};

enum evd_dynamic_load {
    EVD_LOAD_CACHED, /* loaded and opened on its first call, then kept */
    EVD_LOAD_CALL,   /* loaded, opened, closed and unloaded for every call */
};

enum evd_instance_alloc {
    EVD_ALLOC_MALLOC, /* malloc, clear, free for every call */
    EVD_ALLOC_POOL,   /* blocks are recycled, and cleared, for every call */
};

typedef void (*evd_log_fn)(void *context, enum evd_log_level level, const char *text);

#define EVD_MAX_TREE_DEFAULT  ((size_t)64 * 1024 * 1024)
#define EVD_MODULE_CONFIG_MAX ((size_t)1024 * 1024) /* bytes */

struct evd_dispatch_config {
    const char *backend; /* "static", "dynamic", "instance" */
    enum evd_dynamic_load dynamic_load;
    enum evd_instance_alloc instance_alloc;
    const char *modules_dir;            /* dynamic: the folder of shared objects */
    const struct evd_builtin *builtins; /* static, instance */
    size_t builtin_count;
    unsigned max_depth; /* of JSON that a module asks for as a tree; 0: the default */
    size_t max_tree;    /* bytes of the trees of one call; 0: the default */
    evd_log_fn log;     /* may be NULL */
    void *log_context;
    /* What modules are told when they are opened: a JSON object with the name of a module as key,
     * its configuration as value; "": nothing. Copied. */
    struct evd_slice module_config;
    const char *module_config_from; /* where it comes from, for errors; may be NULL */
    struct evd_host_state *host;    /* dispatch's own; not read from what is given */
};

/* Where a call's answer goes: the owner of the call fills this in. Exactly one of the two is
 * called, once, before the call ends; what they are given is valid only until they return. A
 * negative status refuses the answer (too large, out of memory): the call is then failed with it.
 */
struct evd_sink {
    int (*reply)(struct evd_sink *sink, struct evd_slice json);
    int (*fail)(struct evd_sink *sink, struct evd_slice code, struct evd_slice message);
    void (*acquired)(struct evd_sink *sink); /* code and state are found; NULL: nobody asks */
};

/* What a backend found for one call. */
struct evd_target {
    evd_function_fn fn;
    const struct evd_module *module;
    void *state;
    void *hold; /* the backend's own, for its release */
    /* Of the endpoint: 1, 2, ... in the order in which they became known, the same as long as the
     * dispatch is open. 0: there is no such endpoint. */
    uint32_t number;
};

struct cJSON;

/* One call, from the host's side: the owner provides the memory. The members are dispatch's. */
struct evd_flight {
    struct evd_call call; /* what the module sees; first, so that one is the other's address */
    struct evd_dispatch *dispatch;
    struct evd_sink *sink;
    struct evd_target target;
    struct evd_arena arena;
    const struct cJSON *data_tree; /* NULL until it is asked for */
    uint64_t wait_ns; /* what the function asked for before EVD_MORE; 0: to be called again soon;
                         at most EVD_WAIT_MAX_NS */
    bool answered;
    int refused;            /* the status by which the sink refused an answer; 0: it did not */
    struct evd_error error; /* why data is not JSON, in words */
};

/* The names of all backends, ended by NULL. */
extern const char *const evd_backend_names[];

/* Opens a backend and what it opens at the start. *config and its strings are copied or, for
 * builtins, outlive the dispatch. On an error *ret_error names what was wrong and what is allowed.
 */
int evd_dispatch_open(const struct evd_dispatch_config *config, struct evd_dispatch **ret_dispatch,
                      struct evd_error *ret_error);

/* Closes every module. No flight may be unfinished. NULL is allowed. */
void evd_dispatch_close(struct evd_dispatch *dispatch);

/* A descriptor that becomes readable when the modules have changed outside, to be waited for beside
 * the sockets and before them; then evd_dispatch_watch() takes note. -1: there is nothing to watch.
 * It stays the dispatch's. */
int evd_dispatch_watch_fd(const struct evd_dispatch *dispatch);
void evd_dispatch_watch(struct evd_dispatch *dispatch);

/* Counters since the start. */
struct evd_dispatch_stats {
    uint64_t modules;       /* known, loaded or not */
    uint64_t loads;         /* versions of modules that came into service */
    uint64_t reloads;       /* of these, in place of an older one */
    uint64_t load_failures; /* versions that could not serve */
    uint64_t constructed;   /* states of modules that were opened */
    uint64_t instances;     /* of these, not closed yet */
    uint64_t arena_bytes;   /* memory of trees, in use or kept for the next */
};
void evd_dispatch_get_stats(const struct evd_dispatch *dispatch,
                            struct evd_dispatch_stats *ret_stats);

/* How many endpoints are known now; a dynamic backend learns a module's with its first call. */
size_t evd_dispatch_endpoints(const struct evd_dispatch *dispatch);

/* Runs one call. EVD_DONE: it has ended, and its sink has had the answer or the error. EVD_MORE: it
 * wants to be resumed, not before flight->wait_ns have passed; until then flight, sink and the
 * bytes of *message stay where they are. Never negative: an error is an answer. */
int evd_dispatch_call(struct evd_dispatch *dispatch, const struct evd_message *message,
                      struct evd_sink *sink, struct evd_flight *flight);

/* The same in two steps, for many calls of which each has ended before the next begins: _init once,
 * then for each the message is written to flight->call.message (its caller is not NULL), and _run.
 */
void evd_flight_init(struct evd_flight *flight, struct evd_dispatch *dispatch,
                     struct evd_sink *sink);
int evd_flight_run(struct evd_flight *flight);

/* Calls the function of an unfinished flight again. Returns as evd_dispatch_call. */
int evd_dispatch_resume(struct evd_flight *flight);

/* Ends an unfinished flight without an answer: its peer is gone. The module's cancel() is called.
 */
void evd_dispatch_cancel(struct evd_flight *flight);

#endif
