/* base64+gzip: a gzip file in base64, for transports that carry text. */
#include "base64.h"
#include "codec.h"
#include "gzip.h"

static int decode(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out,
                  struct evd_error *ret_error)
{
    struct evd_buf *scratch = &context->scratch;

    evd_buf_clear(scratch);
    int rc = evd_base64_append_decoded(in, scratch->max, scratch, ret_error);
    if (rc < 0)
        return rc;
    return evd_gzip_inflate(context->gzip, evd_buf_slice(scratch),
                            evd_codec_inflated_max(context, scratch->len), out, ret_error);
}

static int encode(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out)
{
    evd_buf_clear(&context->scratch);
    int rc = evd_gzip_deflate(context->gzip, in, &context->scratch);
    if (rc < 0)
        return rc;
    return evd_base64_append_encoded(evd_buf_slice(&context->scratch), out);
}

const struct evd_codec evd_codec_base64_gzip = {
    .name = "base64+gzip", .number = 3, .identity = false, .decode = decode, .encode = encode};
