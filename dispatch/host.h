/* What stands behind the functions that a module reaches through its call. Private to dispatch. */
#ifndef EVD_HOST_H
#define EVD_HOST_H

#include "backend.h"

struct evd_dispatch {
    const struct evd_backend *backend;
    void *self; /* the backend's */
    struct evd_dispatch_config config;
    char *modules_dir;
    struct evd_arena_cache arena_cache;
};

extern const struct evd_host evd_host_table;

#endif
