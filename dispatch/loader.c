#include "loader.h"

#include "backend.h"

#include <dlfcn.h>
#include <string.h>

/* The loader names the image; whoever reads the log knows the file. */
static const char *reason(const char *text, const char *path)
{
    size_t len = strlen(path);
    if (text == NULL)
        return "dlopen failed";
    return strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0 ? text + len + 2
                                                                              : text;
}

int evd_loader_load(const char *path, const char *name, struct evd_loaded *ret_loaded,
                    struct evd_error *ret_error)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s: %s", name,
                             reason(dlerror(), path));
    const struct evd_module *const *entry = dlsym(handle, EVD_MODULE_ENTRY_SYMBOL);
    int rc;
    if (entry == NULL || *entry == NULL) {
        rc = evd_error_set(ret_error, EVD_ERR_LOAD_FAILED,
                           "%s: no module in it: the symbol %s is missing (see EVD_MODULE)", name,
                           EVD_MODULE_ENTRY_SYMBOL);
    } else {
        struct evd_error why;
        rc = evd_module_check(*entry, &why);
        if (rc < 0)
            (void)evd_error_set(ret_error, rc, "%s: %s", name, why.text);
    }
    if (rc < 0) {
        (void)dlclose(handle);
        return rc;
    }
    *ret_loaded = (struct evd_loaded){handle, *entry};
    return EVD_OK;
}

void evd_loader_unload(struct evd_loaded *loaded)
{
    if (loaded->handle != NULL)
        (void)dlclose(loaded->handle);
    *loaded = (struct evd_loaded){0};
}

bool evd_loader_keeps(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (handle != NULL)
        (void)dlclose(handle);
    return handle != NULL;
}
