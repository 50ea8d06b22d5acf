/* The payloads of a scenario that takes them from a package: the real ones where the package is at
 * hand and is what the table says, else generated ones of the same names and sizes. */
#ifndef LG_PAYLOADS_H
#define LG_PAYLOADS_H

#include "dispatch/status.h"

#include <stdbool.h>
#include <stddef.h>

#define LG_PAYLOADS_MAX      10000              /* rows of a table */
#define LG_PAYLOAD_BYTES_MAX (1024 * 1024)      /* of one payload */
#define LG_PACKAGE_BYTES_MAX (64 * 1024 * 1024) /* of the package's file */

struct lg_payload {
    char *event; /* owned, as is json */
    char *json;  /* compact, NUL-terminated */
    size_t len;  /* bytes of json */
};

struct lg_payloads {
    struct lg_payload *items; /* owned */
    size_t count;
    char source[160];   /* "@octokit/webhooks-examples 7.6.1" or "generated" */
    char warning[1024]; /* why they are generated although a package is there; or "" */
};

/* All paths and names are borrowed during the call. */
struct lg_payloads_spec {
    const char *table;   /* path of the table: "event\tbytes", then a line for each payload */
    const char *package; /* npm name, with its scope */
    const char *version; /* the only one accepted */
    const char *file;    /* in the package: an array of {"name", "examples": [payload]} */
};

/* folder: the package's folder, which then must be right; or NULL: the places where a build puts
 * it are looked through, and generated payloads are the fallback.
 * EVD_ERR_USAGE (table or folder not right), EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY. On success to be
 * released by lg_payloads_release(). */
int lg_payloads_load(const struct lg_payloads_spec *spec, const char *folder,
                     struct lg_payloads *ret_payloads, struct evd_error *ret_error);
void lg_payloads_release(struct lg_payloads *payloads);

#endif
