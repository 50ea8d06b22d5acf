#include "buf.h"

#include <stdlib.h>

#define FIRST_CAP 512 /* bytes: below this malloc's own overhead shows */

void evd_buf_init(struct evd_buf *buf, size_t max)
{
    *buf = (struct evd_buf){.max = max};
}

void evd_buf_release(struct evd_buf *buf)
{
    free(buf->ptr);
    evd_buf_init(buf, buf->max);
}

/* Doubles, so that appending n bytes one by one moves each of them a bounded number of times. */
static size_t grown_cap(const struct evd_buf *buf, size_t need)
{
    size_t cap = buf->cap == 0 ? FIRST_CAP : buf->cap;
    while (cap < need && cap <= buf->max / 2)
        cap *= 2;
    if (cap < need || cap > buf->max)
        cap = buf->max; /* >= need: the caller has checked */
    return cap;
}

int evd_buf_make_room(struct evd_buf *buf, size_t more)
{
    if (more > buf->max || buf->len > buf->max - more)
        return EVD_ERR_TOO_LARGE;
    if (more <= evd_buf_room(buf))
        return EVD_OK;

    /* Moving is worth it only where at least as much was dropped as is left: else a peer that takes
     * and gives a little at a time would have all of a nearly full buffer moved each time. */
    size_t need = buf->len + more;
    if (need > buf->cap || (buf->off < buf->len && buf->cap < buf->max)) {
        /* The data moves only after this succeeded: a failure leaves the caller's pointers good. */
        size_t cap = grown_cap(buf, need > buf->cap ? need : buf->cap + 1);
        char *ptr = realloc(buf->ptr, cap);
        if (ptr == NULL)
            return EVD_ERR_NO_MEMORY;
        buf->ptr = ptr;
        buf->cap = cap;
    }
    if (more > evd_buf_room(buf)) {
        memmove(buf->ptr, buf->ptr + buf->off, buf->len);
        buf->off = 0;
    }
    return EVD_OK;
}
