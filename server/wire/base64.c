#include "base64.h"

#include "base64_vector.h"

#include <endian.h>
#include <stdbool.h>

#define VECTOR_MIN 24 /* bytes or characters: below it the tables are as fast */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Set in a table's entry for a byte outside the alphabet: above the 24 bits that a group of four
 * characters carries, so that one test after four lookups sees it. */
#define BAD (UINT32_C(1) << 24)

/* A byte's place in the alphabet, shifted to its place in the group; a constant expression, so that
 * the compiler makes the tables. */
#define BITS(c, shift)                                                                             \
    ((c) >= 'A' && (c) <= 'Z'   ? (uint32_t)((c) - 'A') << (shift)                                 \
     : (c) >= 'a' && (c) <= 'z' ? (uint32_t)((c) - 'a' + 26) << (shift)                            \
     : (c) >= '0' && (c) <= '9' ? (uint32_t)((c) - '0' + 52) << (shift)                            \
     : (c) == '+'               ? (uint32_t)62 << (shift)                                          \
     : (c) == '/'               ? (uint32_t)63 << (shift)                                          \
                                : BAD)
#define ROW4(c, shift)                                                                             \
    BITS(c, shift), BITS((c) + 1, shift), BITS((c) + 2, shift), BITS((c) + 3, shift)
#define ROW16(c, shift)                                                                            \
    ROW4(c, shift), ROW4((c) + 4, shift), ROW4((c) + 8, shift), ROW4((c) + 12, shift)
#define ROW64(c, shift)                                                                            \
    ROW16(c, shift), ROW16((c) + 16, shift), ROW16((c) + 32, shift), ROW16((c) + 48, shift)
#define TABLE(shift)                                                                               \
    {                                                                                              \
        ROW64(0, shift), ROW64(64, shift), ROW64(128, shift), ROW64(192, shift)                    \
    }

static const uint32_t bits_of_first[256] = TABLE(18);
static const uint32_t bits_of_second[256] = TABLE(12);
static const uint32_t bits_of_third[256] = TABLE(6);
static const uint32_t bits_of_fourth[256] = TABLE(0);

size_t evd_base64_encode(struct evd_slice in, char *out)
{
    const unsigned char *from = (const unsigned char *)in.ptr;
    char *to = out;
    size_t left = in.len;

    if (left >= VECTOR_MIN && has_vectors()) {
        size_t taken = encode_blocks(from, left, to);
        left -= taken;
        from += taken;
        to += taken / 3 * 4;
    }
    for (; left >= 3; left -= 3, from += 3, to += 4) {
        uint32_t group = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        to[0] = alphabet[group >> 18];
        to[1] = alphabet[group >> 12 & 63];
        to[2] = alphabet[group >> 6 & 63];
        to[3] = alphabet[group & 63];
    }
    if (left > 0) {
        uint32_t group = (uint32_t)from[0] << 16 | (left == 2 ? (uint32_t)from[1] << 8 : 0);
        to[0] = alphabet[group >> 18];
        to[1] = alphabet[group >> 12 & 63];
        to[2] = left == 2 ? alphabet[group >> 6 & 63] : '=';
        to[3] = '=';
        to += 4;
    }
    return (size_t)(to - out);
}

static uint32_t group_bits(const unsigned char *from)
{
    return bits_of_first[from[0]] | bits_of_second[from[1]] | bits_of_third[from[2]] |
           bits_of_fourth[from[3]];
}

/* Whether in[at] is '=' where padding may stand: the last character, or the last but one before
 * another '='. */
static bool is_padding(struct evd_slice in, size_t at)
{
    if (in.ptr[at] != '=' || in.len % 4 != 0)
        return false;
    return at == in.len - 1 || (at == in.len - 2 && in.ptr[in.len - 1] == '=');
}

/* Where does a text that failed first go wrong? What lies before `at` was found good. */
static size_t first_bad(struct evd_slice in, size_t at)
{
    while (at < in.len && bits_of_fourth[(unsigned char)in.ptr[at]] != BAD)
        at++;
    if (at == in.len || !is_padding(in, at))
        return at; /* in.len: the text ends within a group */
    return at - 1; /* the bits that the padding leaves unused are not zero */
}

/* The last group, which may be padded. Returns its bytes, or -1. */
static int decode_last(const unsigned char *from, char *to)
{
    if (from[3] != '=') {
        uint32_t bits = group_bits(from);
        if ((bits & BAD) != 0)
            return -1;
        to[0] = (char)(bits >> 16);
        to[1] = (char)(bits >> 8);
        to[2] = (char)bits;
        return 3;
    }
    uint32_t bits = bits_of_first[from[0]] | bits_of_second[from[1]];
    if (from[2] == '=') {
        if ((bits & (BAD | 0xffff)) != 0)
            return -1;
        to[0] = (char)(bits >> 16);
        return 1;
    }
    bits |= bits_of_third[from[2]];
    if ((bits & (BAD | 0xff)) != 0)
        return -1;
    to[0] = (char)(bits >> 16);
    to[1] = (char)(bits >> 8);
    return 2;
}

static int64_t fail(struct evd_slice in, const unsigned char *from, size_t *ret_bad_at)
{
    if (ret_bad_at != NULL)
        *ret_bad_at = first_bad(in, (size_t)(from - (const unsigned char *)in.ptr));
    return EVD_ERR_BAD_DATA;
}

int64_t evd_base64_decode(struct evd_slice in, char *out, size_t *ret_bad_at)
{
    const unsigned char *from = (const unsigned char *)in.ptr;
    char *to = out;
    size_t left = in.len;

    if (left % 4 != 0)
        return fail(in, from, ret_bad_at);
    if (left >= VECTOR_MIN && has_vectors()) {
        size_t taken = decode_blocks(from, left, to);
        left -= taken;
        from += taken;
        to += taken / 4 * 3;
    }
    /* Two groups give 6 bytes and are stored as 8. The two groups kept back give at least 4 more,
     * so nothing is written behind the result. */
    for (; left >= 16; left -= 8, from += 8, to += 6) {
        uint32_t high = group_bits(from), low = group_bits(from + 4);
        if (((high | low) & BAD) != 0)
            return fail(in, from, ret_bad_at);
        uint64_t six = htobe64((uint64_t)high << 40 | (uint64_t)low << 16);
        memcpy(to, &six, sizeof six);
    }
    for (; left > 4; left -= 4, from += 4, to += 3) {
        uint32_t bits = group_bits(from);
        if ((bits & BAD) != 0)
            return fail(in, from, ret_bad_at);
        to[0] = (char)(bits >> 16);
        to[1] = (char)(bits >> 8);
        to[2] = (char)bits;
    }
    if (left == 0)
        return 0; /* the empty text */
    int last = decode_last(from, to);
    if (last < 0)
        return fail(in, from, ret_bad_at);
    return to - out + last;
}

static int bad_text(struct evd_slice in, size_t bad_at, struct evd_error *ret_error)
{
    if (bad_at >= in.len)
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                             "base64: %zu characters are no whole groups of 4, padding included",
                             in.len);
    bool bits = bits_of_fourth[(unsigned char)in.ptr[bad_at]] != BAD;
    return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                         bits ? "base64: bits before the padding are not zero at byte %zu"
                              : "base64: bad character at byte %zu",
                         bad_at);
}

int evd_base64_append_encoded(struct evd_slice in, struct evd_buf *out)
{
    if (in.len > SIZE_MAX / 4 * 3 - 3)
        return EVD_ERR_TOO_LARGE;
    int rc = evd_buf_reserve(out, EVD_BASE64_ENCODED(in.len));
    if (rc < 0 || in.len == 0)
        return rc;
    evd_buf_commit(out, evd_base64_encode(in, evd_buf_tail(out)));
    return EVD_OK;
}

/* Exact for text that is valid; at least what is written for text that is not. */
static size_t decoded_len(struct evd_slice in)
{
    size_t len = EVD_BASE64_DECODED_MAX(in.len);
    if (in.len % 4 == 0 && in.len > 0 && in.ptr[in.len - 1] == '=')
        len -= in.ptr[in.len - 2] == '=' ? 2 : 1;
    return len;
}

int evd_base64_append_decoded(struct evd_slice in, size_t limit, struct evd_buf *out,
                              struct evd_error *ret_error)
{
    size_t need = decoded_len(in), bad_at;

    if (need > limit)
        return evd_error_set(ret_error, EVD_ERR_TOO_LARGE,
                             "base64 decodes past the limit of %zu bytes", limit);
    int rc = evd_buf_reserve(out, need);
    if (rc < 0)
        return evd_error_set(ret_error, rc, "base64: %s", evd_status_text(rc));
    int64_t len = evd_base64_decode(in, need == 0 ? NULL : evd_buf_tail(out), &bad_at);
    if (len < 0)
        return bad_text(in, bad_at, ret_error);
    evd_buf_commit(out, (size_t)len);
    return EVD_OK;
}
