/* json: the payload as it is. Callers see `identity` and borrow it; these copy for those who don't.
 */
#include "codec.h"

static int decode(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out,
                  struct evd_error *ret_error)
{
    (void)context;
    int rc = evd_buf_append_slice(out, in);
    return rc < 0 ? evd_error_set(ret_error, rc, "json: %s", evd_status_text(rc)) : rc;
}

static int encode(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out)
{
    (void)context;
    return evd_buf_append_slice(out, in);
}

const struct evd_codec evd_codec_json = {
    .name = "json", .number = 0, .identity = true, .decode = decode, .encode = encode};
