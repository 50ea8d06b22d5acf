/* The modules folder: which names stand for which files. Listed at the start, so a client's bytes
 * are only ever compared with names found here and never become a path. */
#ifndef EVD_LISTING_H
#define EVD_LISTING_H

#include "dispatch.h"

#define EVD_LISTING_MAX 65536 /* modules in one folder */

struct evd_listed {
    char *name; /* "api.billing.invoices", owned by the listing */
    char *path; /* resolved: no symbolic link in it, inside the folder; owned by the listing */
};

struct evd_listing {
    struct evd_listed *list;
    size_t count, room;
};

/* Lists <dir>/a/b.so as "a.b", for every depth. A file whose name is not valid, or that a symbolic
 * link takes outside the folder, is left out and logged. EVD_ERR_USAGE when dir cannot be read. */
int evd_listing_open(const struct evd_dispatch_config *config, struct evd_listing *ret_listing,
                     struct evd_error *ret_error);
void evd_listing_close(struct evd_listing *listing);

#endif
