/* base64 against a decoder that goes character by character. */
#include "fuzz.h"

#include "server/wire/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);
    return at == NULL ? -1 : (int)(at - alphabet);
}

/* RFC 4648, section 4, by the bit. Returns the length, or -1 with *ret_bad_at. */
static long decode_slowly(struct evd_slice in, unsigned char *out, size_t *ret_bad_at)
{
    size_t chars = in.len, padding = 0;
    if (in.len % 4 == 0)
        for (; padding < 2 && chars > 0 && in.ptr[chars - 1] == '='; chars--)
            padding++;
    unsigned bits = 0, held = 0;
    long len = 0;
    for (size_t i = 0; i < chars; i++) {
        int value = value_of(in.ptr[i]);
        if (value < 0) {
            *ret_bad_at = i;
            return -1;
        }
        bits = bits << 6 | (unsigned)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[len++] = (unsigned char)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    if (in.len % 4 != 0) {
        *ret_bad_at = in.len;
        return -1;
    }
    if (bits != 0) {
        *ret_bad_at = chars - 1;
        return -1;
    }
    return len;
}

static void check_decode(struct evd_slice in)
{
    size_t room = EVD_BASE64_DECODED_MAX(in.len), bad_at = SIZE_MAX, expected_bad_at = SIZE_MAX;
    char *out = malloc(room + 1);
    unsigned char *expected = malloc(room + 4);
    FUZZ_CHECK(out != NULL && expected != NULL);
    long len = decode_slowly(in, expected, &expected_bad_at);
    int64_t got = evd_base64_decode(in, out, &bad_at);
    if (len < 0) {
        FUZZ_CHECK(got == EVD_ERR_BAD_DATA);
        FUZZ_CHECK(bad_at == expected_bad_at);
    } else {
        FUZZ_CHECK(got == len);
        FUZZ_CHECK(memcmp(out, expected, (size_t)len) == 0);
    }
    free(expected);
    free(out);
}

static void check_append(struct evd_slice in, size_t limit)
{
    struct evd_buf buf;
    struct evd_error error = {0};
    evd_buf_init(&buf, 4096);
    FUZZ_CHECK(evd_buf_append(&buf, "x", 1) == EVD_OK);
    int rc = evd_base64_append_decoded(in, limit, &buf, &error);
    FUZZ_CHECK(buf.len <= 1 + limit && buf.ptr[buf.off] == 'x');
    FUZZ_CHECK(rc >= 0 || (error.status == rc && error.text[0] != '\0' && buf.len == 1));
    evd_buf_release(&buf);
}

static void check_encode(struct evd_slice in)
{
    size_t len = EVD_BASE64_ENCODED(in.len);
    char *text = malloc(len + 1), *back = malloc(in.len + 3);
    FUZZ_CHECK(text != NULL && back != NULL);
    FUZZ_CHECK(evd_base64_encode(in, text) == len);
    FUZZ_CHECK(evd_base64_decode(evd_slice(text, len), back, NULL) == (int64_t)in.len);
    FUZZ_CHECK(in.len == 0 || memcmp(back, in.ptr, in.len) == 0);
    free(back);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evd_slice in = fuzz_input(data, size);
    check_decode(in);
    check_append(in, size / 2);
    check_append(in, size);
    check_encode(in);
    return 0;
}
