/* Base64, RFC 4648 section 4: the standard alphabet, padded; no line breaks, nothing else accepted,
 * and the unused bits of the last group must be zero (section 3.5: one encoding for one text). */
#ifndef EVD_BASE64_H
#define EVD_BASE64_H

#include "buf.h"

#include <stdint.h>

/* Bytes that encoding `len` bytes takes. */
#define EVD_BASE64_ENCODED(len) (((len) + 2) / 3 * 4)
/* The most bytes that decoding `len` characters gives. */
#define EVD_BASE64_DECODED_MAX(len) ((len) / 4 * 3)

/* out has room for EVD_BASE64_ENCODED(in.len). Returns the length written. */
size_t evd_base64_encode(struct evd_slice in, char *out);

/* out has room for EVD_BASE64_DECODED_MAX(in.len), of which no more than the result is written.
 * Returns the length written, or EVD_ERR_BAD_DATA with *ret_bad_at (may be NULL) the offset of the
 * first bad character: in.len when the text ends within a group of four, the character before the
 * padding when its unused bits are not zero. */
int64_t evd_base64_decode(struct evd_slice in, char *out, size_t *ret_bad_at);

/* The same two, appending to *out. Errors, after which *out is as it was: those of
 * evd_buf_reserve(); when decoding also EVD_ERR_BAD_DATA, and EVD_ERR_TOO_LARGE when the result
 * would have more than `limit` bytes, with *ret_error (may be NULL) in words. */
int evd_base64_append_encoded(struct evd_slice in, struct evd_buf *out);
int evd_base64_append_decoded(struct evd_slice in, size_t limit, struct evd_buf *out,
                              struct evd_error *ret_error);

#endif
