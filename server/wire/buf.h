/* A byte buffer that grows up to a maximum stated when it is made.
 *
 * Invariants: data is ptr[off .. off+len); off + len <= cap <= max. A buffer owns no
 * memory after evd_buf_init() or evd_buf_release(), until something is put into it. */
#ifndef EVD_BUF_H
#define EVD_BUF_H

#include "dispatch/message.h"
#include "dispatch/status.h"

struct evd_buf {
    char *ptr; /* owned; NULL when cap is 0 */
    size_t off, len, cap, max;
};

/* max: the most bytes this buffer will ever hold. */
void evd_buf_init(struct evd_buf *buf, size_t max);

/* Gives the memory back; the buffer is empty and may be used again with the same max. */
void evd_buf_release(struct evd_buf *buf);

/* Makes room for `more` bytes after the data. EVD_ERR_TOO_LARGE past max, EVD_ERR_NO_MEMORY; then
 * nothing has changed. Pointers into the buffer are void after a success. */
static inline int evd_buf_reserve(struct evd_buf *buf, size_t more);

/* Appends; the errors of evd_buf_reserve, then nothing was appended. */
static inline int evd_buf_append(struct evd_buf *buf, const void *bytes, size_t len);

static inline int evd_buf_append_slice(struct evd_buf *buf, struct evd_slice slice)
{
    return evd_buf_append(buf, slice.ptr, slice.len);
}

/* Where the next byte goes; valid for what evd_buf_reserve() granted, made data by
 * evd_buf_commit(). */
static inline char *evd_buf_tail(struct evd_buf *buf)
{
    return buf->ptr + buf->off + buf->len;
}

static inline size_t evd_buf_room(const struct evd_buf *buf)
{
    return buf->cap - buf->off - buf->len;
}

static inline void evd_buf_commit(struct evd_buf *buf, size_t len)
{
    buf->len += len;
}

/* Drops `len` <= buf->len bytes from the front, without moving the rest. */
static inline void evd_buf_drop(struct evd_buf *buf, size_t len)
{
    buf->len -= len;
    buf->off = buf->len == 0 ? 0 : buf->off + len;
}

static inline void evd_buf_clear(struct evd_buf *buf)
{
    buf->off = buf->len = 0;
}

/* evd_buf_reserve() where there is not room enough already. */
int evd_buf_make_room(struct evd_buf *buf, size_t more);

static inline int evd_buf_reserve(struct evd_buf *buf, size_t more)
{
    return more <= evd_buf_room(buf) ? EVD_OK : evd_buf_make_room(buf, more);
}

static inline int evd_buf_append(struct evd_buf *buf, const void *bytes, size_t len)
{
    int rc = evd_buf_reserve(buf, len);
    if (rc < 0 || len == 0)
        return rc;
    memcpy(evd_buf_tail(buf), bytes, len);
    evd_buf_commit(buf, len);
    return EVD_OK;
}

/* Cuts the data back to its first `len` <= buf->len bytes: undoes appends. */
static inline void evd_buf_truncate(struct evd_buf *buf, size_t len)
{
    buf->len = len;
}

/* The data; void after the next reserve, append, drop or release. */
static inline struct evd_slice evd_buf_slice(const struct evd_buf *buf)
{
    return (struct evd_slice){buf->ptr == NULL ? NULL : buf->ptr + buf->off, buf->len};
}

#endif
