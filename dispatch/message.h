/* An event and its data, as bytes that somebody else owns. */
#ifndef EVD_MESSAGE_H
#define EVD_MESSAGE_H

#include <stddef.h>
#include <string.h>

/* Bytes owned by somebody else: not NUL-terminated. ptr may be NULL only when len is 0. Where a
 * function returns one, its comment says how long it stays valid. */
struct evd_slice {
    const char *ptr;
    size_t len;
};

/* A slice of a string literal or of an array of chars with a final NUL. */
#define EVD_SLICE(literal) ((struct evd_slice){(literal), sizeof(literal) - 1})

static inline struct evd_slice evd_slice(const char *ptr, size_t len)
{
    return (struct evd_slice){ptr, len};
}

/* A copy, member by member: one load of 16 bytes would have to wait until the two stores of 8 by
 * which a slice was just made have left the processor's store buffer. */
static inline struct evd_slice evd_slice_same(const struct evd_slice *slice)
{
    return (struct evd_slice){slice->ptr, slice->len};
}

static inline struct evd_slice evd_slice_text(const char *text)
{
    return (struct evd_slice){text, strlen(text)};
}

static inline int evd_slice_equal(struct evd_slice a, struct evd_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* The longest event, in bytes. */
#define EVD_EVENT_MAX 255

struct evd_caller; /* module.h */

/* What a client asks for. All of it is borrowed and lives as long as the call. */
struct evd_message {
    struct evd_slice event;    /* "api.services.status" */
    struct evd_slice data;     /* the payload, its codec undone; "" when there was none */
    struct evd_slice envelope; /* the JSON object the call came in, for members beside event and
                                  data; "" when the transport carried none. Validated. */
    const struct evd_caller *caller; /* NULL: nobody in particular */
};

#endif
