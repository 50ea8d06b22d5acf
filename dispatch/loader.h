/* Loading one shared object as a module. */
#ifndef EVD_LOADER_H
#define EVD_LOADER_H

#include "module.h"

#include <stdbool.h>

struct evd_loaded {
    void *handle; /* of dlopen; NULL: nothing is loaded */
    const struct evd_module *module;
};

/* dlopen (RTLD_NOW | RTLD_LOCAL), the entry symbol, and evd_module_check. `path` is an image's;
 * `name` is the file's, for the words of an error.
 * EVD_ERR_LOAD_FAILED, *ret_error in words; nothing is left loaded then. */
int evd_loader_load(const char *path, const char *name, struct evd_loaded *ret_loaded,
                    struct evd_error *ret_error);
void evd_loader_unload(struct evd_loaded *loaded);

/* Whether the loader still has an object by this path. Nobody has it open: it is one that cannot be
 * unloaded (linked with -z nodelete, or with symbols that are unique in the process). */
bool evd_loader_keeps(const char *path);

#endif
