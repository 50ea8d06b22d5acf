/* What stands behind the functions that a module reaches through its call. Private to dispatch. */
#ifndef EVD_HOST_H
#define EVD_HOST_H

#include "backend.h"
#include "module_config.h"
#include "module_log.h"

/* What the host functions keep, beside the backend. */
struct evd_host_state {
    struct evd_module_log log;
    struct evd_module_config config;
    uint64_t constructed, destroyed; /* states of modules */
};

struct evd_dispatch {
    const struct evd_backend *backend;
    void *self; /* the backend's */
    struct evd_dispatch_config config;
    char *modules_dir;
    struct evd_arena_cache arena_cache;
    struct evd_host_state host;
};

extern const struct evd_host evd_host_table;

#endif
