#include "gzip.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#define WINDOW_GZIP (MAX_WBITS + 16) /* zlib: the largest window, and the gzip wrapper alone */
#define MEM_LEVEL   8                /* zlib's default */
#define STEP        (16 * 1024)      /* bytes of room asked for at a time */

struct evd_gzip {
    z_stream inflater, deflater;
};

/* zlib makes the inflater's window when output first has to be remembered between two calls. This
 * provokes it, so that no request pays for it or fails by it. */
static int make_window(z_stream *inflater)
{
    /* printf ab | gzip -n */
    static const unsigned char member[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
                                           0x00, 0x03, 0x4b, 0x4c, 0x02, 0x00, 0x6d, 0x48,
                                           0x83, 0x9e, 0x02, 0x00, 0x00, 0x00};
    unsigned char out;

    inflater->next_in = member;
    inflater->avail_in = sizeof member;
    inflater->next_out = &out;
    inflater->avail_out = 1;
    return inflate(inflater, Z_NO_FLUSH);
}

int evd_gzip_open(int level, struct evd_gzip **ret_gzip)
{
    struct evd_gzip *gzip = calloc(1, sizeof *gzip);
    if (gzip == NULL)
        return EVD_ERR_NO_MEMORY;
    if (inflateInit2(&gzip->inflater, WINDOW_GZIP) != Z_OK)
        goto no_inflater;
    if (make_window(&gzip->inflater) != Z_OK)
        goto no_deflater;
    if (deflateInit2(&gzip->deflater, level, Z_DEFLATED, WINDOW_GZIP, MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        goto no_deflater;
    *ret_gzip = gzip;
    return EVD_OK;

no_deflater:
    (void)inflateEnd(&gzip->inflater);
no_inflater:
    free(gzip);
    return EVD_ERR_NO_MEMORY;
}

void evd_gzip_close(struct evd_gzip *gzip)
{
    if (gzip == NULL)
        return;
    (void)inflateEnd(&gzip->inflater);
    (void)deflateEnd(&gzip->deflater);
    free(gzip);
}

static uInt cut_to_uint(size_t len)
{
    return len > UINT_MAX ? UINT_MAX : (uInt)len;
}

/* Gives the stream the input behind what it has read; zlib counts in 32 bits, sizes here have 64.
 */
static void give_input(z_stream *stream, const char *end)
{
    stream->avail_in = cut_to_uint((size_t)(end - (const char *)stream->next_in));
}

/* The inflater's output: out's tail; or, once nothing more may come, one byte beside it, which
 * tells a stream that is over the limit from one that only has its trailer left. */
struct sink {
    struct evd_buf *out;
    size_t before, limit; /* out's length at the start; bytes that may be added */
    unsigned char over;
};

static int give_output(z_stream *stream, struct sink *sink)
{
    struct evd_buf *out = sink->out;
    size_t left = sink->limit - (out->len - sink->before);

    if (left == 0) {
        stream->next_out = &sink->over;
        stream->avail_out = 1;
        return EVD_OK;
    }
    if (evd_buf_room(out) == 0) {
        int rc = evd_buf_reserve(out, left < STEP ? left : STEP);
        if (rc < 0)
            return rc;
    }
    size_t room = evd_buf_room(out);
    stream->next_out = (Bytef *)evd_buf_tail(out);
    stream->avail_out = cut_to_uint(room < left ? room : left);
    return EVD_OK;
}

/* One member, from stream->next_in on. */
static int inflate_member(z_stream *stream, const char *end, struct sink *sink, size_t total,
                          struct evd_error *ret_error)
{
    for (;;) {
        give_input(stream, end);
        if (give_output(stream, sink) < 0)
            return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "gzip: out of memory");
        uInt offered = stream->avail_out;
        bool beside = stream->next_out == &sink->over;
        int rc = inflate(stream, Z_FINISH);
        uInt written = offered - stream->avail_out;
        if (beside && written > 0)
            return evd_error_set(ret_error, EVD_ERR_TOO_LARGE,
                                 "gzip inflates past the limit of %zu bytes", sink->limit);
        if (!beside)
            evd_buf_commit(sink->out, written);
        switch (rc) {
        case Z_STREAM_END:
            return EVD_OK;
        case Z_OK:
        case Z_BUF_ERROR: /* the input or the room is used up */
            if (stream->avail_out > 0 && (const char *)stream->next_in == end)
                return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "gzip: truncated after %zu bytes",
                                     total);
            break;
        case Z_MEM_ERROR:
            return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "gzip: out of memory");
        default:
            return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "gzip: %s before byte %zu",
                                 stream->msg != NULL ? stream->msg : "bad data",
                                 total - (size_t)(end - (const char *)stream->next_in));
        }
    }
}

/* RFC 1952, 2.3.1: a member starts with 1f 8b. */
static bool starts_member(const char *from, const char *end)
{
    return (unsigned char)from[0] == 0x1f && (end - from < 2 || (unsigned char)from[1] == 0x8b);
}

static int inflate_all(z_stream *stream, struct evd_slice in, struct sink *sink,
                       struct evd_error *ret_error)
{
    const char *end = in.ptr + in.len;
    const char *from = in.ptr;

    do {
        if (!starts_member(from, end))
            return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                                 from == in.ptr ? "gzip: does not start with 1f 8b at byte %zu"
                                                : "gzip: other data behind the end at byte %zu",
                                 (size_t)(from - in.ptr));
        if (inflateReset(stream) != Z_OK)
            return evd_error_set(ret_error, EVD_ERR_INTERNAL, "gzip: cannot reset the inflater");
        stream->next_in = (const Bytef *)from;
        int rc = inflate_member(stream, end, sink, in.len, ret_error);
        if (rc < 0)
            return rc;
        from = (const char *)stream->next_in;
    } while (from < end);
    return EVD_OK;
}

int evd_gzip_inflate(struct evd_gzip *gzip, struct evd_slice in, size_t limit, struct evd_buf *out,
                     struct evd_error *ret_error)
{
    size_t room = out->max - out->len;
    struct sink sink = {.out = out, .before = out->len, .limit = limit < room ? limit : room};

    if (in.len == 0)
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "gzip: truncated after 0 bytes");
    int rc = inflate_all(&gzip->inflater, in, &sink, ret_error);
    if (rc < 0)
        evd_buf_truncate(out, sink.before);
    return rc;
}

int evd_gzip_deflate(struct evd_gzip *gzip, struct evd_slice in, struct evd_buf *out)
{
    z_stream *stream = &gzip->deflater;
    const char *end = in.len == 0 ? "" : in.ptr + in.len;
    size_t before = out->len;
    int rc = EVD_OK, z = Z_OK;

    if (deflateReset(stream) != Z_OK)
        return EVD_ERR_INTERNAL;
    stream->next_in = (const Bytef *)(in.len == 0 ? end : in.ptr);
    while (z != Z_STREAM_END) {
        give_input(stream, end);
        /* Most calls need one step, of the size that zlib says is enough for what is left. */
        if (evd_buf_room(out) == 0) {
            size_t step = deflateBound(stream, stream->avail_in);
            size_t left = out->max - out->len;
            step = step < STEP ? step : STEP;
            rc = left == 0 ? EVD_ERR_TOO_LARGE : evd_buf_reserve(out, step < left ? step : left);
            if (rc < 0)
                break;
        }
        uInt offered = cut_to_uint(evd_buf_room(out));
        stream->next_out = (Bytef *)evd_buf_tail(out);
        stream->avail_out = offered;
        bool last = (const char *)stream->next_in + stream->avail_in == end;
        z = deflate(stream, last ? Z_FINISH : Z_NO_FLUSH);
        evd_buf_commit(out, offered - stream->avail_out);
        if (z == Z_STREAM_ERROR) {
            rc = EVD_ERR_INTERNAL;
            break;
        }
    }
    if (rc < 0)
        evd_buf_truncate(out, before);
    return rc;
}
