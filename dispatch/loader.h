/* Loading one shared object as a module. */
#ifndef EVD_LOADER_H
#define EVD_LOADER_H

#include "module.h"

#include <sys/stat.h>

struct evd_loaded {
    void *handle; /* of dlopen; NULL: nothing is loaded */
    const struct evd_module *module;
};

/* Whether the file looks like a whole shared object: ELF, and every segment that will be mapped
 * lies within it. dlopen maps a truncated file gladly, and the process dies of SIGBUS when it is
 * touched. Fills *ret_status with the file's identity. EVD_ERR_LOAD_FAILED, *ret_error in words. */
int evd_loader_check(const char *path, struct stat *ret_status, struct evd_error *ret_error);

/* dlopen (RTLD_NOW | RTLD_LOCAL), the entry symbol, and evd_module_check.
 * EVD_ERR_LOAD_FAILED, *ret_error in words; nothing is left loaded then. */
int evd_loader_load(const char *path, struct evd_loaded *ret_loaded, struct evd_error *ret_error);
void evd_loader_unload(struct evd_loaded *loaded);

#endif
