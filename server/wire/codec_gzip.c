/* gzip: RFC 1952. */
#include "codec.h"

#include "gzip.h"

static int decode(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out,
                  struct evd_error *ret_error)
{
    return evd_gzip_inflate(context->gzip, in, evd_codec_inflated_max(context, in.len), out,
                            ret_error);
}

static int encode(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out)
{
    return evd_gzip_deflate(context->gzip, in, out);
}

const struct evd_codec evd_codec_gzip = {
    .name = "gzip", .number = 2, .identity = false, .decode = decode, .encode = encode};
