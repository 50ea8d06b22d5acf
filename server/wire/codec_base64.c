/* base64: RFC 4648 section 4. */
#include "base64.h"
#include "codec.h"

static int decode(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out,
                  struct evd_error *ret_error)
{
    return evd_base64_append_decoded(in, context->max_decoded, out, ret_error);
}

static int encode(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out)
{
    (void)context;
    return evd_base64_append_encoded(in, out);
}

const struct evd_codec evd_codec_base64 = {
    .name = "base64", .number = 1, .identity = false, .decode = decode, .encode = encode};
