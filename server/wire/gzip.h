/* gzip, RFC 1952, on zlib. States are made once and reset, never made per call. */
#ifndef EVD_GZIP_H
#define EVD_GZIP_H

#include "buf.h"

struct evd_gzip; /* an inflater and a deflater; not for two threads at once */

/* level: zlib's, 1 to 9. EVD_ERR_NO_MEMORY. */
int evd_gzip_open(int level, struct evd_gzip **ret_gzip);
void evd_gzip_close(struct evd_gzip *gzip); /* NULL is allowed */

/* Appends to *out. A gzip file is a series of members (RFC 1952, 2.2): all are read; anything
 * after them is an error. `limit`: the most bytes it may inflate to.
 * EVD_ERR_BAD_DATA (not gzip, truncated, bad checksum), EVD_ERR_TOO_LARGE (past limit, or
 * out->max), EVD_ERR_NO_MEMORY; *ret_error (may be NULL) says which; *out then is as it was. */
int evd_gzip_inflate(struct evd_gzip *gzip, struct evd_slice in, size_t limit, struct evd_buf *out,
                     struct evd_error *ret_error);

/* Appends one member with a zero time stamp, so equal input gives equal output. */
int evd_gzip_deflate(struct evd_gzip *gzip, struct evd_slice in, struct evd_buf *out);

#endif
