/* Who may call: JSON Web Tokens (RFC 7519) signed by HMAC with SHA-256 (RFC 7515, "HS256"). Pure:
 * no socket, no file but the secret's, and the clock is a parameter.
 *
 * The signature is judged first and in constant time, and always as HS256, so that nothing of a
 * forged token is parsed and no "alg" can choose how. Then the header must name HS256 and no
 * critical extension; the claims must be one JSON object without a repeated member, within their
 * times (`exp`, `nbf`) and for this server (`aud`). */
#ifndef EVD_AUTH_H
#define EVD_AUTH_H

#include "dispatch/message.h"
#include "dispatch/status.h"

#include <stdbool.h>
#include <stdint.h>

#define EVD_AUTH_SECRET_MIN  32   /* bytes: RFC 7518, 3.2 */
#define EVD_AUTH_SECRET_MAX  4096 /* bytes */
#define EVD_AUTH_TOKEN_MAX   4096 /* bytes */
#define EVD_AUTH_MESSAGE_MAX 8192 /* bytes of a message while nobody is known to have sent it */
#define EVD_AUTH_MEMBERS_MAX 64   /* claims of a token; members of its header */
#define EVD_AUTH_EVENTS_MAX  64   /* entries of a token's allow-list */
#define EVD_AUTH_LEEWAY_S    10   /* seconds that clocks may differ by */

/* The event of the call that brings a token. A name without a module, so no module's. */
#define EVD_AUTH_EVENT "auth"

struct evd_auth_config {
    const char *secret_file;
    const char *audience; /* who this server is; NULL: tokens must not name an audience */
    /* The claim that lists the events; NULL: "events", where a token may leave it out and may then
     * call all. */
    const char *events_claim;
};

/* Threads may share one. */
struct evd_auth;

/* Reads the secret: the file's bytes without one line end at their end. EVD_ERR_SYSTEM,
 * EVD_ERR_USAGE, EVD_ERR_NO_MEMORY; *ret_error names the file and what is wrong. ret_warning: what
 * to tell the operator about the file, or "". The strings of *config outlive *ret_auth. */
int evd_auth_open(const struct evd_auth_config *config, struct evd_auth **ret_auth,
                  struct evd_error *ret_warning, struct evd_error *ret_error);

/* The same with the secret given, for tests. */
int evd_auth_open_secret(const struct evd_auth_config *config, struct evd_slice secret,
                         struct evd_auth **ret_auth, struct evd_error *ret_error);

/* Reads the secret's file again: tokens of the old secret are refused from then on, what they have
 * opened stays. On an error the old secret stays too. As evd_auth_open(); other threads may be
 * checking tokens. Never waits: EVD_ERR_USAGE for what is no regular file. Not for
 * evd_auth_open_secret(). */
int evd_auth_reload(struct evd_auth *auth, struct evd_error *ret_warning,
                    struct evd_error *ret_error);

/* Wipes the secret. NULL is allowed. */
void evd_auth_close(struct evd_auth *auth);

/* What a token grants: one allocation, freed by evd_grant_free(). */
struct evd_grant {
    size_t bytes;             /* of the allocation: what it counts for */
    struct evd_slice json;    /* the claims as they were signed, validated */
    struct evd_slice subject; /* `sub`, escapes undone; "" when there is none */
    double expires;           /* seconds since 1970, leeway included; INFINITY: never */
    bool all_events;
    size_t event_count;
    struct evd_slice *events; /* sorted; none covers another; a prefix ends with its dot */
};

/* Judges a token at `now` (seconds since 1970). EVD_OK and *ret_grant, which is the caller's; or
 * EVD_ERR_NO_PERMISSION, *ret_error (may be NULL) says why, for the operator: it carries nothing of
 * the token's text; or EVD_ERR_NO_MEMORY. */
int evd_auth_check(struct evd_auth *auth, struct evd_slice token, int64_t now,
                   struct evd_grant **ret_grant, struct evd_error *ret_error);

void evd_grant_free(struct evd_grant *grant); /* NULL is allowed */

/* Whether the claims allow a call of this event: one binary search. */
bool evd_grant_allows(const struct evd_grant *grant, struct evd_slice event);

/* Whether they have expired at `now`. */
static inline bool evd_grant_expired(const struct evd_grant *grant, int64_t now)
{
    return (double)now >= grant->expires;
}

/* The token of the data of an `auth` call, {"token":"..."}: *ret_token is borrowed from data.
 * EVD_ERR_NO_PERMISSION, *ret_error says why. */
int evd_auth_token_of_data(struct evd_slice data, struct evd_slice *ret_token,
                           struct evd_error *ret_error);

/* The token of the value of an HTTP header `Authorization: Bearer ...` (RFC 6750, 2.1). The same.
 */
int evd_auth_token_of_header(struct evd_slice value, struct evd_slice *ret_token,
                             struct evd_error *ret_error);

/* The wall clock, in seconds since 1970. */
int64_t evd_auth_now(void);

#endif
