#include "admit.h"

static enum evd_admit judge_token(struct evd_auth *auth, const struct evd_envelope *envelope,
                                  int64_t now, struct evd_grant **ret_grant,
                                  struct evd_error *ret_error)
{
    struct evd_slice token;
    int rc = EVD_OK;
    /* Nothing is inflated for somebody unknown. */
    if (!envelope->codec->identity)
        rc = evd_error_set(ret_error, EVD_ERR_NO_PERMISSION, "encoding must be json");
    if (rc >= 0)
        rc = evd_auth_token_of_data(envelope->data, &token, ret_error);
    if (rc >= 0)
        rc = evd_auth_check(auth, token, now, ret_grant, ret_error);
    return rc < 0 ? EVD_ADMIT_CLOSE : EVD_ADMIT_TOKEN;
}

enum evd_admit evd_admit(struct evd_auth *auth, const struct evd_grant *grant,
                         const struct evd_envelope *envelope, int64_t now,
                         struct evd_grant **ret_grant, struct evd_error *ret_error)
{
    ret_error->status = EVD_ERR_NO_PERMISSION;
    ret_error->text[0] = '\0';
    if (evd_slice_equal(envelope->event, EVD_SLICE(EVD_AUTH_EVENT)))
        return judge_token(auth, envelope, now, ret_grant, ret_error);
    if (grant == NULL || evd_grant_expired(grant, now))
        return EVD_ADMIT_CLOSE;
    return evd_grant_allows(grant, envelope->event) ? EVD_ADMIT_CALL : EVD_ADMIT_REFUSE;
}
