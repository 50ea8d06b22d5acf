/* Every codec, both ways, with limits. */
#include "fuzz.h"

#include "server/wire/codec.h"

#define DECODED_MAX 4096

static struct evd_codec_context *context(void)
{
    static struct evd_codec_context context;
    if (context.gzip == NULL)
        FUZZ_CHECK(evd_codec_context_init(&context, DECODED_MAX) == EVD_OK);
    return &context;
}

/* Behind bytes that are there already, which an error must not touch. */
static int decode(const struct evd_codec *codec, struct evd_slice in, struct evd_buf *out)
{
    struct evd_error error = {0};
    evd_buf_clear(out);
    FUZZ_CHECK(evd_buf_append(out, "before", 6) == EVD_OK);
    int rc = codec->decode(context(), in, out, &error);
    FUZZ_CHECK(memcmp(out->ptr + out->off, "before", 6) == 0);
    if (rc < 0)
        FUZZ_CHECK(out->len == 6 && error.status == rc && error.text[0] != '\0');
    else
        FUZZ_CHECK(codec->identity || out->len - 6 <= DECODED_MAX);
    return rc;
}

static void check(const struct evd_codec *codec, struct evd_slice in, size_t room)
{
    struct evd_buf out, packed;
    evd_buf_init(&out, 6 + 2 * DECODED_MAX);
    evd_buf_init(&packed, 6 * DECODED_MAX);
    (void)decode(codec, in, &out);

    FUZZ_CHECK(codec->encode(context(), in, &packed) == EVD_OK);
    int rc = decode(codec, evd_buf_slice(&packed), &out);
    FUZZ_CHECK(rc == EVD_OK);
    FUZZ_CHECK(out.len - 6 == in.len);
    FUZZ_CHECK(in.len == 0 || memcmp(out.ptr + out.off + 6, in.ptr, in.len) == 0);

    out.max = 6 + room; /* less than it takes is an error, and as much is enough */
    evd_buf_release(&out);
    rc = decode(codec, evd_buf_slice(&packed), &out);
    FUZZ_CHECK(rc == (room < in.len ? EVD_ERR_TOO_LARGE : EVD_OK));
    evd_buf_release(&packed);
    evd_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evd_slice in = fuzz_input(data, size);
    unsigned first = fuzz_byte(&in);
    size_t room = fuzz_byte(&in) * (size_t)8;
    const struct evd_codec *codec = evd_codec_by_number((uint8_t)(first & 3));
    FUZZ_CHECK(codec != NULL && codec->number == (first & 3));
    FUZZ_CHECK(evd_codec_by_name(evd_slice_text(codec->name)) == codec);
    const struct evd_codec *other = evd_codec_by_name(in); /* any bytes may be asked for */
    FUZZ_CHECK(other == NULL || evd_slice_equal(evd_slice_text(other->name), in));
    if (in.len <= DECODED_MAX)
        check(codec, in, room);
    return 0;
}
