/* base64+gzip: a gzip file in base64, for transports that carry text. */
#include "base64.h"
#include "codec.h"
#include "gzip.h"

#include <stdbool.h>
#include <stdint.h>

/* Undoes the base64 into context->scratch. The text may lie there already, its escapes undone by
 * the caller; then it is decoded where it is. */
static int undo_base64(struct evd_codec_context *context, struct evd_slice in,
                       struct evd_slice *ret_file, struct evd_error *ret_error)
{
    struct evd_buf *scratch = &context->scratch;
    uintptr_t at = (uintptr_t)in.ptr, first = (uintptr_t)scratch->ptr;

    if (in.len > 0 && at >= first && at - first < scratch->cap) {
        char *inside = scratch->ptr + (at - first);
        size_t bad_at;
        int64_t len = evd_base64_decode(in, inside, &bad_at);
        if (len < 0)
            return evd_base64_error(in, bad_at, ret_error);
        *ret_file = evd_slice(inside, (size_t)len);
        return EVD_OK;
    }
    evd_buf_clear(scratch);
    int rc = evd_base64_append_decoded(in, scratch->max, scratch, ret_error);
    *ret_file = evd_buf_slice(scratch);
    return rc;
}

static int decode(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out,
                  struct evd_error *ret_error)
{
    struct evd_slice file;
    int rc = undo_base64(context, in, &file, ret_error);
    if (rc < 0)
        return rc;
    return evd_gzip_inflate(context->gzip, file, context->max_decoded, out, ret_error);
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
