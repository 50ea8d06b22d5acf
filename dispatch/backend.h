/* The interface of a backend: two operations on every call, two in a lifetime. Private to dispatch.
 *
 * A new backend is one backend_<name>.c and one line in backend.def; tests/dispatch runs its
 * conformance suite for every line. */
#ifndef EVD_BACKEND_H
#define EVD_BACKEND_H

#include "dispatch.h"
#include "names.h"

struct evd_backend {
    const char *name; /* as in --dispatch=NAME */

    /* Opens what is opened at the start. *config outlives the backend. */
    int (*open)(const struct evd_dispatch_config *config, void **ret_self,
                struct evd_error *ret_error);

    /* Closes all; no target is held. */
    void (*close)(void *self);

    /* Finds code and state for one call. EVD_ERR_NO_SUCH_FUNCTION when there is no such endpoint;
     * EVD_ERR_LOAD_FAILED, EVD_ERR_OPEN_FAILED, EVD_ERR_NO_MEMORY when there is, but not now. The
     * event may be any bytes: a backend must not take it for a path. */
    int (*acquire)(void *self, struct evd_slice event, struct evd_target *ret_target);

    /* Ends the use of what acquire gave. */
    void (*release)(void *self, struct evd_target *target);

    /* Endpoints known now. */
    size_t (*endpoints)(const void *self);

    /* A backend that follows changes outside: the descriptor that becomes readable with one (-1:
     * none), and what is done then. Both or neither may be NULL. */
    int (*watch_fd)(const void *self);
    void (*watch)(void *self);

    /* Whether there is such a module; NULL: those that are linked in. */
    int (*knows)(const void *self, struct evd_slice module);

    /* Counters; NULL: all zero. */
    void (*stats)(const void *self, struct evd_dispatch_stats *ret_stats);
};

#define EVD_BACKEND(ident) extern const struct evd_backend evd_backend_##ident;
#include "backend.def"
#undef EVD_BACKEND

/* ---- Shared by backends. ---- */

void evd_dispatch_log(const struct evd_dispatch_config *config, enum evd_log_level level,
                      const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A module's declaration is sound: version, size, names, none of them twice. *ret_error says what
 * is not. */
int evd_module_check(const struct evd_module *module, struct evd_error *ret_error);

/* What a module's open() is told: made once a module, given to each of its constructions. */
struct evd_opening {
    struct evd_config config;    /* first, so that one is the other's address */
    struct evd_host_state *host; /* NULL: there is none */
};

/* *config and `name` are borrowed. */
void evd_opening_init(struct evd_opening *opening, const struct evd_dispatch_config *config,
                      const char *name);

/* Runs a module's constructor on `state`, which is zeroed here. EVD_ERR_OPEN_FAILED. */
int evd_module_open(const struct evd_module *module, const struct evd_opening *opening,
                    void *state);
void evd_module_close(const struct evd_module *module, const struct evd_dispatch_config *config,
                      void *state);

/* One function of a linked-in module: all that a call of it needs, beside its name in the table. */
struct evd_endpoint {
    evd_function_fn fn;
    const struct evd_module *module;
    void *context;   /* what the backend has for the module */
    uint32_t number; /* of struct evd_target */
};

/* Modules that are linked in are sound, each by evd_module_check. */
int evd_builtins_check(const struct evd_dispatch_config *config, struct evd_error *ret_error);

/* Makes the table of their endpoints, of struct evd_endpoint; contexts[i] is of
 * config->builtins[i]. Released by evd_names_release(), also after an error. */
int evd_endpoints_open(const struct evd_dispatch_config *config, void *const *contexts,
                       struct evd_names *ret_endpoints, struct evd_error *ret_error);

#endif
