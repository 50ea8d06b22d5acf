/* Codecs: the encoding of an envelope's `data`, bytes to bytes. */
#ifndef EVD_CODEC_H
#define EVD_CODEC_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

struct evd_gzip;

#define EVD_CODEC_RATIO_FROM ((size_t)64 * 1024) /* what is smaller may be of any ratio */

/* What codecs need between calls; one a thread. */
struct evd_codec_context {
    struct evd_gzip *gzip;
    struct evd_buf scratch; /* between the two halves of base64+gzip: the codecs' own */
    struct evd_buf wire;    /* envelope.c's own: a payload as on the wire, escapes undone */
    size_t max_decoded;     /* the most bytes a decoded payload may have */
    size_t max_ratio;       /* bytes that one byte of gzip may become, once they are more than
                               EVD_CODEC_RATIO_FROM; 0: any */
};

/* max_decoded: in bytes; any ratio is allowed, until max_ratio is set. EVD_ERR_NO_MEMORY. */
int evd_codec_context_init(struct evd_codec_context *context, size_t max_decoded);
void evd_codec_context_release(struct evd_codec_context *context);

/* The most bytes that so many of gzip may become. */
size_t evd_codec_inflated_max(const struct evd_codec_context *context, size_t gzip_len);

struct evd_codec {
    const char *name; /* as in "encoding": "json", "base64", "gzip", "base64+gzip" */
    uint8_t number;   /* in the binary frame */
    bool identity;    /* decode and encode change nothing: callers borrow instead of calling them */
    /* Append the result to *out, which must not be what `in` lies in, and neither may lie in
     * context->scratch.
     * decode: EVD_ERR_BAD_DATA, EVD_ERR_TOO_LARGE, EVD_ERR_NO_MEMORY, *ret_error (may be NULL) in
     * words. encode: EVD_ERR_TOO_LARGE, EVD_ERR_NO_MEMORY. On an error *out is as it was. */
    int (*decode)(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out,
                  struct evd_error *ret_error);
    int (*encode)(struct evd_codec_context *context, struct evd_slice in, struct evd_buf *out);
};

#define EVD_CODEC(ident, number) extern const struct evd_codec evd_codec_##ident;
#include "codec.def"
#undef EVD_CODEC

/* All of codec.def, in its order, ended by NULL. */
extern const struct evd_codec *const evd_codecs[];

/* NULL when there is none. */
const struct evd_codec *evd_codec_by_name(struct evd_slice name);
const struct evd_codec *evd_codec_by_number(uint8_t number);

#endif
