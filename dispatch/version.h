/* One version of a module's file: its image, and what is loaded and opened from it. A version lives
 * until it is replaced and the last call that began on it has ended. */
#ifndef EVD_VERSION_H
#define EVD_VERSION_H

#include "backend.h"
#include "image.h"
#include "loader.h"

/* A module loaded and opened: one a version under `cached`, one a call under `call`. */
struct evd_load {
    struct evd_loaded loaded;
    void *state; /* the module's */
    struct evd_version *version;
    struct evd_image image; /* fd -1: the version's */
};

struct evd_version {
    size_t holds;          /* who uses the version; it ends with the last */
    struct evd_load first; /* what it was found good by. cached: what every call uses; call: what
                              one of the calls at a time uses */
    bool first_free;       /* call: `first` is loaded, and no call has had it yet */
    const struct evd_dispatch_config *config;
    struct evd_image image;
    char name[]; /* of the module, NUL-terminated */
};

/* Takes an image of the file, loads and opens the module: only a version that can serve comes to
 * be. One hold is the caller's. EVD_MORE: the file is being written. EVD_ERR_LOAD_FAILED,
 * EVD_ERR_OPEN_FAILED, EVD_ERR_NO_MEMORY: *ret_error in words; errno as of evd_image_open.
 * *ret_status is the file's identity as far as it was found. */
int evd_version_open(const struct evd_dispatch_config *config, const char *name, const char *path,
                     struct evd_version **ret_version, struct stat *ret_status,
                     struct evd_error *ret_error);

void evd_version_hold(struct evd_version *version);
void evd_version_drop(struct evd_version *version);

/* Policy `call`: loads the object and opens the module for one call; holds the version. A load of
 * its own even while another call has the same version loaded: nothing is shared, not even the
 * object's static variables. Errors as evd_version_open. */
int evd_version_load(struct evd_version *version, struct evd_load **ret_load,
                     struct evd_error *ret_error);
void evd_version_unload(struct evd_load *load);

#endif
