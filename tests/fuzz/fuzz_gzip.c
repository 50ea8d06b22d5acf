/* gzip against zlib, called in the plainest way: all at once, into enough room. */
#include "fuzz.h"

#include "server/wire/gzip.h"

#include <zlib.h>

#define ROOM 65536 /* bytes; what inflates to more is only held to its limit */

/* Every member from the start of `in`. Returns the length, or -1: not gzip, or past ROOM. */
static long inflate_plainly(struct evd_slice in, unsigned char *out)
{
    size_t at = 0, len = 0;
    do {
        z_stream stream = {0};
        if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK)
            abort();
        stream.next_in = (Bytef *)(uintptr_t)(in.ptr + at);
        stream.avail_in = (uInt)(in.len - at);
        stream.next_out = out + len;
        stream.avail_out = (uInt)(ROOM + 1 - len);
        int rc = inflate(&stream, Z_FINISH);
        at = in.len - stream.avail_in;
        len = ROOM + 1 - stream.avail_out;
        (void)inflateEnd(&stream);
        if (rc != Z_STREAM_END || len > ROOM)
            return -1;
    } while (at < in.len);
    return (long)len;
}

static void check_inflate(struct evd_gzip *gzip, struct evd_slice in, size_t limit)
{
    static unsigned char expected[ROOM + 1];
    struct evd_buf out;
    struct evd_error error = {0};
    evd_buf_init(&out, ROOM);
    long len = in.len == 0 ? -1 : inflate_plainly(in, expected);
    int rc = evd_gzip_inflate(gzip, in, limit, &out, &error);
    FUZZ_CHECK(out.len <= limit);
    if (rc < 0) {
        FUZZ_CHECK(error.status == rc && error.text[0] != '\0' && out.len == 0);
        FUZZ_CHECK(rc == EVD_ERR_BAD_DATA || rc == EVD_ERR_TOO_LARGE);
        FUZZ_CHECK(len < 0 || (rc == EVD_ERR_TOO_LARGE && (size_t)len > limit));
    } else {
        FUZZ_CHECK((long)out.len == len);
        FUZZ_CHECK(len == 0 || memcmp(out.ptr + out.off, expected, (size_t)len) == 0);
    }
    evd_buf_release(&out);
}

static void check_deflate(struct evd_gzip *gzip, struct evd_slice in)
{
    struct evd_buf packed, back;
    evd_buf_init(&packed, ROOM);
    evd_buf_init(&back, ROOM);
    FUZZ_CHECK(evd_gzip_deflate(gzip, in, &packed) == EVD_OK);
    FUZZ_CHECK(evd_gzip_inflate(gzip, evd_buf_slice(&packed), in.len, &back, NULL) == EVD_OK);
    FUZZ_CHECK(evd_slice_equal(evd_buf_slice(&back), in));
    evd_buf_release(&back);
    evd_buf_init(&back, packed.len - 1); /* a byte too little */
    FUZZ_CHECK(evd_gzip_deflate(gzip, in, &back) == EVD_ERR_TOO_LARGE && back.len == 0);
    evd_buf_release(&back);
    evd_buf_release(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct evd_gzip *gzip;
    if (gzip == NULL)
        FUZZ_CHECK(evd_gzip_open(1, &gzip) == EVD_OK);
    struct evd_slice in = fuzz_input(data, size);
    size_t limit = (size_t)fuzz_byte(&in) * 256;
    check_inflate(gzip, in, limit);
    check_inflate(gzip, in, ROOM);
    check_deflate(gzip, in);
    return 0;
}
