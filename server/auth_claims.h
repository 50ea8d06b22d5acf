/* The claims of a token whose signature was found good: for auth.c alone. */
#ifndef EVD_AUTH_CLAIMS_H
#define EVD_AUTH_CLAIMS_H

#include "auth.h"

#include "dispatch/json.h"

/* One member of a JSON object, its key without escapes. */
struct evd_member {
    struct evd_slice key;
    enum evd_json_type type;
    struct evd_slice value; /* its JSON text */
};

struct evd_members {
    size_t count;
    struct evd_member list[EVD_AUTH_MEMBERS_MAX];
    char keys[EVD_AUTH_TOKEN_MAX]; /* those that had escapes */
};

/* Reads an object of at most EVD_AUTH_TOKEN_MAX bytes, all of it: no member twice, no \u0000,
 * nothing behind it. `what` is its name in errors. EVD_ERR_NO_PERMISSION. */
int evd_members_read(struct evd_slice json, const char *what, struct evd_members *ret_members,
                     struct evd_error *ret_error);

const struct evd_member *evd_members_find(const struct evd_members *members, const char *key);

/* Judges the claims and makes them into *ret_grant. As evd_auth_check(). */
int evd_grant_read(const struct evd_auth_config *config, struct evd_slice json, int64_t now,
                   struct evd_grant **ret_grant, struct evd_error *ret_error);

#endif
