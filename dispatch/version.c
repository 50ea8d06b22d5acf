#include "version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Loads from `image` and opens the module into *load. */
static int load_from(const struct evd_version *version, const struct evd_image *image,
                     struct evd_load *load, struct evd_error *ret_error)
{
    int rc = evd_loader_load(image->path, version->name, &load->loaded, ret_error);
    if (rc < 0)
        return rc;
    const struct evd_module *module = load->loaded.module;
    struct evd_opening opening;
    if (module->state_size > 0 && (load->state = malloc(module->state_size)) == NULL)
        rc = evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "%s: no memory for its state of %zu bytes",
                           version->name, module->state_size);
    if (rc >= 0) {
        evd_opening_init(&opening, version->config, version->name);
        rc = evd_module_open(module, &opening, load->state);
        if (rc < 0)
            (void)evd_error_set(ret_error, rc, "%s: its open() failed", version->name);
    }
    if (rc < 0) {
        free(load->state);
        load->state = NULL;
        evd_loader_unload(&load->loaded);
    }
    return rc;
}

static void close_load(struct evd_load *load)
{
    if (load->loaded.handle == NULL)
        return;
    evd_module_close(load->loaded.module, load->version->config, load->state);
    free(load->state);
    load->state = NULL;
    evd_loader_unload(&load->loaded);
}

/* The loader knows an object by the number of its image. One that it does not let go keeps that
 * number, or the next image that gets it would be taken for the object that is there. */
static void close_image(const struct evd_version *version, struct evd_image *image)
{
    if (image->fd >= 0 && evd_loader_keeps(image->path)) {
        evd_dispatch_log(
            version->config, EVD_LOG_WARNING,
            "module %s cannot be unloaded, and stays in memory: is it linked with -z nodelete?",
            version->name);
        return;
    }
    evd_image_close(image);
}

int evd_version_open(const struct evd_dispatch_config *config, const char *name, const char *path,
                     struct evd_version **ret_version, struct stat *ret_status,
                     struct evd_error *ret_error)
{
    size_t len = strlen(name);
    struct evd_version *version = calloc(1, sizeof *version + len + 1);
    if (version == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "%s: out of memory", name);
    version->config = config;
    memcpy(version->name, name, len);
    version->first.image.fd = -1;
    version->first.version = version;
    int rc = evd_image_open(path, name, &version->image, ret_status, ret_error);
    if (rc != EVD_OK) {
        free(version);
        return rc;
    }
    errno = 0;
    rc = load_from(version, &version->image, &version->first, ret_error);
    if (rc < 0) {
        /* ENOENT would be a library that it needs, not the file. */
        int want = errno == EMFILE || errno == ENFILE || errno == ENOMEM ? errno : 0;
        close_image(version, &version->image);
        free(version);
        errno = want;
        return rc;
    }
    version->first_free = config->dynamic_load == EVD_LOAD_CALL;
    version->holds = 1;
    *ret_version = version;
    return EVD_OK;
}

void evd_version_hold(struct evd_version *version)
{
    version->holds++;
}

void evd_version_drop(struct evd_version *version)
{
    if (--version->holds > 0)
        return;
    close_load(&version->first);
    close_image(version, &version->image);
    free(version);
}

/* A load beside the first: the loader would give back the object that is there, so it gets a copy.
 */
static int load_beside(const struct evd_version *version, struct evd_load *load,
                       struct evd_error *ret_error)
{
    int rc = evd_image_copy(&version->image, version->name, &load->image, ret_error);
    if (rc < 0)
        return rc;
    rc = load_from(version, &load->image, load, ret_error);
    if (rc < 0)
        close_image(version, &load->image);
    return rc;
}

int evd_version_load(struct evd_version *version, struct evd_load **ret_load,
                     struct evd_error *ret_error)
{
    struct evd_load *load = &version->first;
    int rc = EVD_OK;

    if (version->first_free) {
        version->first_free = false;
    } else if (load->loaded.handle == NULL) {
        rc = load_from(version, &version->image, load, ret_error);
    } else {
        load = calloc(1, sizeof *load);
        if (load == NULL)
            return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "%s: out of memory", version->name);
        load->version = version;
        load->image.fd = -1;
        rc = load_beside(version, load, ret_error);
        if (rc < 0)
            free(load);
    }
    if (rc < 0)
        return rc;
    evd_version_hold(version);
    *ret_load = load;
    return EVD_OK;
}

void evd_version_unload(struct evd_load *load)
{
    struct evd_version *version = load->version;
    close_load(load);
    if (load != &version->first) {
        close_image(version, &load->image);
        free(load);
    }
    evd_version_drop(version);
}
