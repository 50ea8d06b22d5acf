/* base64.h against RFC 4648: the vectors of section 10, and every way to be wrong. */
#include "server/wire/base64.h"

#include "wire_test.h"

#include <stdbool.h>
#include <stdlib.h>

#define UNTOUCHED 0x55

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648, section 10. */
static const struct {
    const char *text, *encoded;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

/* Decodes into memory of exactly the promised size, with a guard behind the result. */
static int64_t decode(struct evd_slice in, char *out, size_t *ret_bad_at)
{
    size_t room = EVD_BASE64_DECODED_MAX(in.len);
    char *exact = malloc(room + 1); /* never NULL; what lies behind it, ASan sees */
    char *copy = malloc(in.len + 1);
    assert_true(exact != NULL && copy != NULL);
    memset(exact, UNTOUCHED, room + 1);
    if (in.len > 0)
        memcpy(copy + 1, in.ptr, in.len); /* + 1: reading must not need alignment */
    int64_t len = evd_base64_decode(evd_slice(copy + 1, in.len), exact, ret_bad_at);
    for (size_t i = len < 0 ? room : (size_t)len; i < room + 1; i++)
        assert_int_equal(exact[i], UNTOUCHED);
    if (len > 0)
        memcpy(out, exact, (size_t)len);
    free(exact);
    free(copy);
    return len;
}

static void assert_bad(struct evd_slice in, size_t bad_at)
{
    char out[1024];
    size_t at = 9999;
    assert_int_equal(decode(in, out, &at), EVD_ERR_BAD_DATA);
    assert_int_equal(at, bad_at);
    assert_int_equal(decode(in, out, NULL), EVD_ERR_BAD_DATA);
}

static void vectors_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct evd_slice text = evd_slice_text(vectors[i].text);
        struct evd_slice encoded = evd_slice_text(vectors[i].encoded);
        char out[16];
        assert_int_equal(EVD_BASE64_ENCODED(text.len), encoded.len);
        assert_int_equal(evd_base64_encode(text, out), encoded.len);
        assert_memory_equal(out, encoded.ptr, encoded.len);
        assert_int_equal(decode(encoded, out, NULL), text.len);
        assert_memory_equal(out, text.ptr, text.len);
    }
}

/* The alphabet itself, RFC 4648 table 1, is 6-bit values 0 to 63 in a row: 48 bytes. */
static void the_whole_alphabet(void **state)
{
    (void)state;
    char bytes[48], out[64];
    for (unsigned i = 0; i < 16; i++) {
        unsigned group = (4 * i) << 18 | (4 * i + 1) << 12 | (4 * i + 2) << 6 | (4 * i + 3);
        bytes[3 * i] = (char)(group >> 16);
        bytes[3 * i + 1] = (char)(group >> 8);
        bytes[3 * i + 2] = (char)group;
    }
    assert_int_equal(evd_base64_encode(evd_slice(bytes, 48), out), 64);
    assert_memory_equal(out, alphabet, 64);
    assert_int_equal(decode(evd_slice(alphabet, 64), out, NULL), 48);
    assert_memory_equal(out, bytes, 48);
}

/* A byte that is no digit of base64, at each place of a text long enough for every path through
 * the decoder, and at each place of a padded one. '=' has tests of its own. */
static void bad_bytes_in_every_position(void **state)
{
    (void)state;
    static const char long_text[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123"
                                    "456789+/+/+/Zm9vYmFyZm9vZg==";
    static const char *const texts[] = {"Zm9v",
                                        "Zg==",
                                        "Zm8=",
                                        "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9v",
                                        "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZg==",
                                        "Zm9vYmFyZm9vYmFyZm9vYmFyZm8=",
                                        long_text};
    size_t tried = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[96];
        size_t len = strlen(texts[i]);
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                if (byte == '=' || (byte != 0 && strchr(alphabet, byte) != NULL))
                    continue;
                memcpy(text, texts[i], len);
                text[at] = (char)byte;
                /* Behind an '=' that is no padding any more, that '=' is what is bad first. */
                size_t bad_at = at == len - 1 && text[len - 2] == '=' ? len - 2 : at;
                assert_bad(evd_slice(text, len), bad_at);
                tried++;
            }
        }
    }
    assert_int_equal(tried, (4 + 4 + 4 + 44 + 36 + 28 + 84) * (256 - 65));
}

static void padding_in_the_wrong_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bad_at;
    } bad[] = {
        {"=", 0},
        {"==", 0},
        {"===", 0},
        {"====", 0},
        {"Z===", 1},
        {"=m9v", 0},
        {"Z=9v", 1},
        {"Zm=v", 2},
        {"Zg=a", 2},
        {"Zg==Zg==", 2},
        {"Zm8=Zm9v", 3},
        {"Zm9vZ===", 5},
        {"Zm9v====", 4},
        {"Zg==\n", 2},
        {"Zm9v=", 4},
        {"Zm9vYg=", 6},
        {"Zm9v=Yg=", 4},
        {"Zm9vYmFy=", 8},
        {"Zm9vYmFy==", 8},
        {"Zm9v=mFyZm9vYmFyZm9v", 4},
        {"Zm9vYm=yZm9vYmFyZm9v", 6},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_bad(evd_slice_text(bad[i].text), bad[i].bad_at);
}

/* Section 3.2: padding is required; section 3.5: the bits it leaves over are zero. */
static void only_one_encoding_of_each_text(void **state)
{
    (void)state;
    size_t good = 0, bad = 0;
    char out[3];
    for (unsigned value = 0; value < 64; value++) {
        char one[4] = {'Z', alphabet[value], '=', '='}, two[4] = {'Z', 'm', alphabet[value], '='};
        if (value % 16 == 0) {
            assert_int_equal(decode(evd_slice(one, 4), out, NULL), 1);
            good++;
        } else {
            assert_bad(evd_slice(one, 4), 1);
            bad++;
        }
        if (value % 4 == 0) {
            assert_int_equal(decode(evd_slice(two, 4), out, NULL), 2);
            good++;
        } else {
            assert_bad(evd_slice(two, 4), 2);
            bad++;
        }
    }
    assert_int_equal(good, 4 + 16);
    assert_int_equal(bad, 60 + 48);
    assert_bad(EVD_SLICE("Zg"), 2);
    assert_bad(EVD_SLICE("Zm8"), 3);
    assert_bad(EVD_SLICE("Zm9vYmFyZm9vYmFyZm9vYmFyZg"), 26);
    assert_bad(EVD_SLICE("Zm9vYmFyZm9vYmFyZm9vYmFyZh=="), 25);
    assert_bad(EVD_SLICE("Zm9v\nYmFy"), 4); /* section 3.3: no line breaks */
    assert_bad(EVD_SLICE("Zm-_"), 2);       /* section 5's alphabet is another one */
}

static void round_trips_of_every_length(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (size_t len = 0; len <= 300; len++) {
        char bytes[300], text[400], out[300];
        test_random_bytes(&seed, bytes, len);
        memset(text, UNTOUCHED, sizeof text);
        size_t encoded = evd_base64_encode(evd_slice(bytes, len), text);
        assert_int_equal(encoded, EVD_BASE64_ENCODED(len));
        for (size_t i = encoded; i < sizeof text; i++)
            assert_int_equal(text[i], UNTOUCHED);
        assert_int_equal(decode(evd_slice(text, encoded), out, NULL), len);
        assert_memory_equal(out, bytes, len);
    }
}

/* Every length, so that each place is once in the first vector, in a later one and behind the last,
 * and each end comes with each padding. The bad bytes are the alphabet's neighbours, its opposites
 * and the ends of the range. */
static void bad_bytes_in_every_length(void **state)
{
    (void)state;
    static const unsigned char bad[] = {0,   '*', ',', '.', ':',  '@',  '[',  '`',
                                        '{', '-', '_', ' ', 0x7F, 0x80, 0xC1, 0xFF};
    uint64_t seed = 4;
    for (size_t len = 1; len <= 200; len++) {
        char bytes[200], text[268], out[200];
        test_random_bytes(&seed, bytes, len);
        size_t encoded = evd_base64_encode(evd_slice(bytes, len), text);
        size_t characters = (len * 8 + 5) / 6; /* before the padding */
        for (size_t at = 0; at < characters; at++) {
            char kept = text[at];
            text[at] = (char)bad[(at + len) % sizeof bad];
            assert_bad(evd_slice(text, encoded), at);
            text[at] = kept;
        }
        assert_int_equal(decode(evd_slice(text, encoded), out, NULL), len);
        assert_memory_equal(out, bytes, len);
    }
}

/* Every value of 6 bits in every place of a vector, against the alphabet itself. */
static void every_value_in_every_place(void **state)
{
    (void)state;
    for (size_t start = 0; start < 64; start++) {
        char text[128], bytes[96], again[128];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = alphabet[(start + i) % 64];
        assert_int_equal(decode(evd_slice(text, sizeof text), bytes, NULL), sizeof bytes);
        for (size_t i = 0; i < sizeof text; i++) {
            const unsigned char *group = (const unsigned char *)bytes + i / 4 * 3;
            unsigned value = (unsigned)group[0] << 16 | (unsigned)group[1] << 8 | group[2];
            assert_int_equal(value >> (18 - 6 * (i % 4)) & 63, (start + i) % 64);
        }
        assert_int_equal(evd_base64_encode(evd_slice(bytes, sizeof bytes), again), sizeof again);
        assert_memory_equal(again, text, sizeof text);
    }
}

/* A text cut anywhere is refused, or, cut between groups, is the start of the original. */
static void every_truncation(void **state)
{
    (void)state;
    uint64_t seed = 3;
    char bytes[100], text[136], out[102];
    test_random_bytes(&seed, bytes, sizeof bytes);
    size_t encoded = evd_base64_encode(evd_slice(bytes, sizeof bytes), text);
    for (size_t len = 0; len < encoded; len++) {
        if (len % 4 != 0) {
            /* 100 bytes end in "==", which is no padding before its time */
            assert_bad(evd_slice(text, len), len == encoded - 1 ? encoded - 2 : len);
        } else {
            assert_int_equal(decode(evd_slice(text, len), out, NULL), len / 4 * 3);
            assert_memory_equal(out, bytes, len / 4 * 3);
        }
    }
}

static void appends_within_limit_and_max(void **state)
{
    (void)state;
    struct evd_error error;
    struct evd_buf out;
    evd_buf_init(&out, 10);
    assert_int_equal(evd_buf_append(&out, "1234", 4), EVD_OK);
    /* Six bytes: the limit and the maximum, both met exactly. */
    assert_int_equal(evd_base64_append_decoded(EVD_SLICE("Zm9vYmFy"), 6, &out, &error), EVD_OK);
    assert_true(evd_slice_equal(evd_buf_slice(&out), EVD_SLICE("1234foobar")));
    evd_buf_truncate(&out, 4);
    assert_int_equal(evd_base64_append_decoded(EVD_SLICE("Zm9vYmFy"), 5, &out, &error),
                     EVD_ERR_TOO_LARGE);
    assert_string_equal(error.text, "base64 decodes past the limit of 5 bytes");
    assert_int_equal(evd_base64_append_decoded(EVD_SLICE("Zm9vYmFyZg=="), 7, &out, &error),
                     EVD_ERR_TOO_LARGE); /* of the buffer */
    assert_int_equal(evd_base64_append_decoded(EVD_SLICE("Zm9vYmE="), 5, &out, &error), EVD_OK);
    assert_true(evd_slice_equal(evd_buf_slice(&out), EVD_SLICE("1234fooba")));
    evd_buf_truncate(&out, 4);
    assert_int_equal(evd_base64_append_encoded(EVD_SLICE("foo"), &out), EVD_OK);
    assert_int_equal(evd_base64_append_encoded(EVD_SLICE("foo"), &out), EVD_ERR_TOO_LARGE);
    assert_true(evd_slice_equal(evd_buf_slice(&out), EVD_SLICE("1234Zm9v")));
    /* 4/3 of these lengths is 2^64 and more, which wraps to next to nothing. */
    for (size_t more = 0; more < 8; more++) {
        struct evd_slice huge = {NULL, SIZE_MAX / 4 * 3 - 4 + more};
        assert_int_equal(evd_base64_append_encoded(huge, &out), EVD_ERR_TOO_LARGE);
    }
    evd_buf_release(&out);
}

static void errors_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *in, *text;
    } bad[] = {
        {"Zm9vY*Fy", "base64: bad character at byte 5"},
        {"Zm9vYmF=Zg==", "base64: bad character at byte 7"},
        {"Zm9", "base64: 3 characters are no whole groups of 4, padding included"},
        {"Zh==", "base64: bits before the padding are not zero at byte 1"},
    };
    struct evd_buf out;
    evd_buf_init(&out, 100);
    assert_int_equal(evd_buf_append(&out, "kept", 4), EVD_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct evd_error error;
        struct evd_slice in = evd_slice_text(bad[i].in);
        assert_int_equal(evd_base64_append_decoded(in, 100, &out, &error), EVD_ERR_BAD_DATA);
        assert_int_equal(error.status, EVD_ERR_BAD_DATA);
        assert_string_equal(error.text, bad[i].text);
        assert_int_equal(evd_base64_append_decoded(in, 100, &out, NULL), EVD_ERR_BAD_DATA);
    }
    assert_true(evd_slice_equal(evd_buf_slice(&out), EVD_SLICE("kept")));
    evd_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfc),
        cmocka_unit_test(the_whole_alphabet),
        cmocka_unit_test(bad_bytes_in_every_position),
        cmocka_unit_test(padding_in_the_wrong_place),
        cmocka_unit_test(only_one_encoding_of_each_text),
        cmocka_unit_test(round_trips_of_every_length),
        cmocka_unit_test(bad_bytes_in_every_length),
        cmocka_unit_test(every_value_in_every_place),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(appends_within_limit_and_max),
        cmocka_unit_test(errors_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
