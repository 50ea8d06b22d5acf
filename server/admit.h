/* Which calls of a connection are let through where callers must bring a token. Pure: conn.c
 * answers and closes, this decides.
 *
 * The first message of a connection must be the call EVD_AUTH_EVENT with a good token. Later ones
 * are called while the token lasts and where its list of events allows them; EVD_AUTH_EVENT again
 * brings a new token, which takes the place of the old one. */
#ifndef EVD_ADMIT_H
#define EVD_ADMIT_H

#include "auth.h"

#include "server/wire/envelope.h"

enum evd_admit {
    EVD_ADMIT_CALL,   /* to be called */
    EVD_ADMIT_TOKEN,  /* it brought a good token: answer that, and take over *ret_grant */
    EVD_ADMIT_REFUSE, /* answer ret_error->status, and go on */
    EVD_ADMIT_CLOSE,  /* answer ret_error->status, and close */
};

/* Judges a whole message of a caller who has `grant` (NULL: none yet). *ret_grant is set for
 * EVD_ADMIT_TOKEN only, and is the caller's. ret_error->status is
 * EVD_ERR_NO_PERMISSION, or EVD_ERR_NO_MEMORY where a token could not be judged; its text says why
 * a token was refused, "" where none was. */
enum evd_admit evd_admit(struct evd_auth *auth, const struct evd_grant *grant,
                         const struct evd_envelope *envelope, int64_t now,
                         struct evd_grant **ret_grant, struct evd_error *ret_error);

#endif
