/* The modules folder: which names stand for which files. A client's bytes are only ever compared
 * with names found here and never become a path. */
#ifndef EVD_LISTING_H
#define EVD_LISTING_H

#include "dispatch.h"

#include <limits.h>

#define EVD_LISTING_MAX 65536 /* modules in one folder */

/* What a walk finds. Each returns EVD_OK, or a negative status that ends the walk. */
struct evd_listing_visitor {
    void *context;
    /* A folder, before what is in it. prefix: "api.billing", "" for the modules folder itself. */
    int (*folder)(void *context, const char *prefix, const char *path);
    /* <modules>/a/b.so as "a.b". path is resolved: no symbolic link in it, inside the folder. */
    int (*file)(void *context, const char *name, const char *path);
};

struct evd_listing {
    const struct evd_dispatch_config *config; /* for its log */
    struct evd_listing_visitor visitor;
    char root[PATH_MAX]; /* resolved */
    size_t root_len;
};

/* Resolves config->modules_dir. EVD_ERR_USAGE when it cannot be read. */
int evd_listing_open(struct evd_listing *listing, const struct evd_dispatch_config *config,
                     const struct evd_listing_visitor *visitor, struct evd_error *ret_error);

/* Visits the modules folder and all below it. A file whose name is not valid, or that a symbolic
 * link takes outside the folder, is left out and logged. */
int evd_listing_walk(struct evd_listing *listing, struct evd_error *ret_error);

/* Visits one entry of a folder that was visited before, and what is below it. One that is gone
 * again, or is neither folder nor shared object, is passed over. */
int evd_listing_entry(struct evd_listing *listing, const char *dir, const char *prefix,
                      const char *entry);

/* Where a module's file is: <modules>/a/b.so of "a.b". The name is one that a walk has found. */
void evd_listing_path(const struct evd_listing *listing, const char *name,
                      char ret_path[static PATH_MAX]);

/* Where a path in the folder leads, symbolic links undone. EVD_ERR_SYSTEM: nowhere; EVD_ERR_USAGE:
 * out of the folder. */
int evd_listing_resolve(const struct evd_listing *listing, const char *path,
                        char ret_resolved[static PATH_MAX]);

#endif
