/* The V2 encoding against hdr-histogram-js 3.0.1 (npm), which wrote the vectors and computed the
 * percentiles beside them. */
#include "loadgen/hlog.h"
#include "loadgen/rng.h"

#include "server/wire/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static const double percents[] = {50, 90, 99, 99.9, 100};
#define PERCENTS (sizeof percents / sizeof *percents)

struct vector {
    const char *name;
    unsigned digits;
    struct {
        uint64_t value, count;
    } values[8];
    size_t count;
    uint64_t at[PERCENTS]; /* getValueAtPercentile() */
    const char *text;
};

static const struct vector vectors[] = {
    {"empty",
     2,
     {},
     0,
     {0ull, 0ull, 0ull, 0ull, 0ull},
     "HISTFAAAAB54nJNpmSzMwMDACMVMDBAAYvP/////P5wPAGGoBVg="},
    {"small",
     2,
     {{0ull, 1ull},
      {1ull, 2ull},
      {255ull, 3ull},
      {256ull, 4ull},
      {257ull, 1ull},
      {1000ull, 100ull}},
     6,
     {1003ull, 1003ull, 1003ull, 1003ull, 1003ull},
     "HISTFAAAAC54nJNpmSzMwMDAxcDAwMjAwMDEAAEgNv//////w/hMLD+Z2bg+Mp9gBAChDA"
     "gw"},
    {"wide",
     2,
     {{5ull, 1ull},
      {123456ull, 1000000ull},
      {99999999ull, 70000ull},
      {68719476735ull, 1ull},
      {3000000000ull, 128ull}},
     5,
     {123903ull, 123903ull, 100139007ull, 100139007ull, 68719476735ull},
     "HISTFAAAADV4nJNpmSzMwMAAwowMDAxMDBAAYvP/////P4zPyXRVtKGzarrwg6McTzkbmK"
     "ZzMgEADa8MSw=="},
    {"counts",
     2,
     {{7ull, 63ull},
      {8ull, 64ull},
      {9ull, 8191ull},
      {10ull, 8192ull},
      {11ull, 1048576ull},
      {12ull, 5000000000ull},
      {13ull, 4503599627370496ull}},
     7,
     {13ull, 13ull, 13ull, 13ull, 13ull},
     "HISTFAAAADd4nJNpmSzMwMAgxcDAwMjAwMDEAAEgNv//////w/i8dQ2M/+obGhgbQPjE+g"
     "WqDRAgAACDKhDI"},
    {"three",
     3,
     {{1ull, 1ull}, {2047ull, 5ull}, {2048ull, 7ull}, {123456ull, 9ull}, {3599999999ull, 2ull}},
     5,
     {2049ull, 123519ull, 3600809983ull, 3600809983ull, 3600809983ull},
     "HISTFAAAADB4nJNpmSzMwMDAy8DAwMjAwMDMAAEgNsO1yUsY4Hymn/JcfP1xQpffMLIAAI"
     "+wB1w="},
};

static struct lg_histogram *new_histogram(void)
{
    struct lg_histogram *histogram = malloc(sizeof *histogram);
    assert_non_null(histogram);
    lg_histogram_init(histogram);
    return histogram;
}

static void reads_what_others_wrote(void **state)
{
    (void)state;
    struct lg_histogram *histogram = new_histogram();
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        uint64_t total = 0;
        struct evd_error error = {0};
        if (lg_hlog_decode(evd_slice_text(v->text), histogram, &error) < 0)
            fail_msg("%s: %s", v->name, error.text);
        for (size_t j = 0; j < v->count; j++) {
            total += v->values[j].count;
            uint64_t there = histogram->counts[lg_histogram_index(v->values[j].value)];
            uint64_t same = 0; /* two values may share a bucket */
            for (size_t k = 0; k < v->count; k++) {
                if (lg_histogram_index(v->values[k].value) ==
                    lg_histogram_index(v->values[j].value))
                    same += v->values[k].count;
            }
            assert_true(there == same);
        }
        assert_true(histogram->count == total);
        for (size_t p = 0; p < PERCENTS; p++) {
            uint64_t ours = lg_histogram_quantile(histogram, percents[p] / 100);
            /* Three digits lie in a bucket of two. */
            assert_true(lg_histogram_index(ours) == lg_histogram_index(v->at[p]));
            if (v->digits == 2)
                assert_true(ours == v->at[p]);
        }
    }
    free(histogram);
}

/* The deflated bytes may differ between two zlibs; what is in them may not. */
static void writes_what_others_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        if (v->digits != 2)
            continue;
        struct lg_histogram *histogram = new_histogram();
        unsigned char plain[2][4096];
        uLongf len[2] = {sizeof plain[0], sizeof plain[1]};
        for (size_t j = 0; j < v->count; j++) {
            size_t index = lg_histogram_index(v->values[j].value);
            lg_histogram_record(histogram, v->values[j].value);
            histogram->counts[index] += v->values[j].count - 1;
            histogram->count += v->values[j].count - 1;
        }
        struct evd_buf text, packed[2];
        evd_buf_init(&text, LG_HLOG_TEXT_MAX);
        assert_int_equal(lg_hlog_encode(histogram, &text), EVD_OK);
        struct evd_slice texts[2] = {evd_buf_slice(&text), evd_slice_text(v->text)};
        for (int k = 0; k < 2; k++) {
            evd_buf_init(&packed[k], LG_HLOG_TEXT_MAX);
            assert_int_equal(
                evd_base64_append_decoded(texts[k], LG_HLOG_TEXT_MAX, &packed[k], NULL), EVD_OK);
            struct evd_slice bytes = evd_buf_slice(&packed[k]);
            assert_memory_equal(bytes.ptr, "\x1c\x84\x93\x14", 4);
            assert_int_equal(
                uncompress(plain[k], &len[k], (const Bytef *)bytes.ptr + 8, bytes.len - 8), Z_OK);
            evd_buf_release(&packed[k]);
        }
        /* The other one has 1 for "indexes are not shifted", and an integer for the ratio of 1.0.
         */
        assert_int_equal(len[0], len[1]);
        assert_memory_equal(plain[0], plain[1], 8);
        assert_memory_equal(plain[0] + 8, "\0\0\0\0", 4);
        assert_memory_equal(plain[0] + 12, plain[1] + 12, 20);
        assert_memory_equal(plain[0] + 32, "\x3f\xf0\0\0\0\0\0\0", 8);
        assert_memory_equal(plain[0] + 40, plain[1] + 40, len[0] - 40);
        evd_buf_release(&text);
        free(histogram);
    }
}

static void comes_back_as_it_was(void **state)
{
    (void)state;
    struct lg_histogram *before = new_histogram(), *after = new_histogram();
    struct lg_rng rng;
    struct evd_buf text;
    evd_buf_init(&text, LG_HLOG_TEXT_MAX);
    lg_rng_init(&rng, 7);
    for (size_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        uint64_t count = lg_rng_next(&rng) >> (lg_rng_next(&rng) % 63 + 1);
        if (lg_rng_next(&rng) % 2 == 0 || count > UINT64_MAX / LG_HISTOGRAM_BUCKETS)
            continue;
        before->counts[i] = count;
        before->count += count;
        before->max = lg_histogram_highest(i);
    }
    assert_int_equal(lg_hlog_encode(before, &text), EVD_OK);
    assert_int_equal(lg_hlog_decode(evd_buf_slice(&text), after, NULL), EVD_OK);
    assert_memory_equal(before->counts, after->counts, sizeof before->counts);
    assert_true(before->count == after->count);
    evd_buf_release(&text);
    free(before);
    free(after);
}

/* Every prefix, and every flipped bit, is refused or is a histogram: nothing else happens. */
static void damage_is_refused(void **state)
{
    (void)state;
    struct lg_histogram *histogram = new_histogram();
    const char *text = vectors[2].text;
    char copy[256];
    size_t len = strlen(text);
    struct evd_error error;
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(lg_hlog_decode(evd_slice(text, cut), histogram, &error), EVD_ERR_BAD_DATA);
        assert_true(error.text[0] != '\0');
    }
    for (size_t bit = 0; bit < len * 7; bit++) {
        memcpy(copy, text, len);
        copy[bit / 7] = (char)(copy[bit / 7] ^ 1 << bit % 7);
        int rc = lg_hlog_decode(evd_slice(copy, len), histogram, &error);
        assert_true(rc == EVD_OK || rc == EVD_ERR_BAD_DATA);
        if (bit < 4 * 7) /* three bytes of the cookie */
            assert_int_equal(rc, EVD_ERR_BAD_DATA);
    }
    free(histogram);
}

/* A payload of our own, put as the format says. */
static int decode_counts(const char *counts, size_t counts_len, const char *digits, uint32_t said,
                         struct lg_histogram *histogram, struct evd_error *error)
{
    unsigned char plain[256] = {0x1c, 0x84, 0x93, 0x13, 0, 0, 0, (unsigned char)said,
                                0,    0,    0,    0,    0, 0, 0, (unsigned char)*digits};
    unsigned char packed[512] = {0x1c, 0x84, 0x93, 0x14};
    uLongf len = sizeof packed - 8;
    struct evd_buf text;
    plain[23] = 1;
    memcpy(plain + 40, counts, counts_len);
    assert_int_equal(compress(packed + 8, &len, plain, 40 + counts_len), Z_OK);
    packed[7] = (unsigned char)len;
    evd_buf_init(&text, 1024);
    assert_int_equal(evd_base64_append_encoded(evd_slice((char *)packed, 8 + len), &text), EVD_OK);
    int rc = lg_hlog_decode(evd_buf_slice(&text), histogram, error);
    evd_buf_release(&text);
    return rc;
}

static void impossible_payloads_are_refused(void **state)
{
    (void)state;
    struct lg_histogram *histogram = new_histogram();
    struct evd_error error;
    /* ZigZag: 2 is one, 1 is minus one. */
    assert_int_equal(decode_counts("\x02", 1, "\2", 1, histogram, &error), EVD_OK);
    assert_int_equal(histogram->counts[0], 1);
    assert_int_equal(decode_counts("\x01\x02", 2, "\2", 2, histogram, &error), EVD_OK);
    assert_int_equal(histogram->counts[1], 1);
    assert_int_equal(decode_counts("\x02", 1, "\6", 1, histogram, &error), EVD_ERR_BAD_DATA);
    assert_non_null(strstr(error.text, "digits"));
    assert_int_equal(decode_counts("\x02", 1, "\2", 2, histogram, &error), EVD_ERR_BAD_DATA);
    assert_non_null(strstr(error.text, "length of its counts"));
    assert_int_equal(decode_counts("\x82", 1, "\2", 1, histogram, &error), EVD_ERR_BAD_DATA);
    assert_non_null(strstr(error.text, "within a count"));
    /* 2^31 empty buckets, then one: past the last. */
    assert_int_equal(decode_counts("\xff\xff\xff\xff\x0f\x02", 6, "\2", 6, histogram, &error),
                     EVD_ERR_BAD_DATA);
    assert_non_null(strstr(error.text, "more buckets"));
    /* INT64_MIN empty buckets. */
    assert_int_equal(
        decode_counts("\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, "\2", 9, histogram, &error),
        EVD_ERR_BAD_DATA);
    assert_non_null(strstr(error.text, "too long"));
    /* Three times INT64_MAX. */
    assert_int_equal(decode_counts("\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
                                   "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
                                   "\xfe\xff\xff\xff\xff\xff\xff\xff\xff",
                                   27, "\2", 27, histogram, &error),
                     EVD_ERR_BAD_DATA);
    assert_non_null(strstr(error.text, "overflow"));
    free(histogram);
}

static void a_log_has_lines(void **state)
{
    (void)state;
    char *written = NULL, *save = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&written, &size);
    struct lg_histogram *histogram = new_histogram(), *back = new_histogram();
    struct lg_hlog_line line;
    struct evd_error error;
    assert_non_null(file);
    lg_histogram_record(histogram, 2500000);
    assert_int_equal(lg_hlog_begin(file, "a test", 1700000000123456789u), EVD_OK);
    assert_int_equal(lg_hlog_interval(file, "static/a b,c\n", 1000000000, 999000000, histogram),
                     EVD_OK);
    assert_int_equal(lg_hlog_interval(file, NULL, 2000000000, 1000000000, histogram), EVD_OK);
    (void)fclose(file);
    assert_non_null(strstr(written, "#[Histogram log format version 1.3]\n"));
    assert_non_null(strstr(written, "#[StartTime: 1700000000.123 (seconds since epoch)]\n"));
    const char *tags[] = {"static/a_b_c_", ""};
    size_t lines = 0;
    for (char *at = strtok_r(written, "\n", &save); at != NULL; at = strtok_r(NULL, "\n", &save)) {
        if (lg_hlog_parse(evd_slice_text(at), &line, &error) == EVD_MORE)
            continue;
        assert_true(evd_slice_equal(line.tag, evd_slice_text(tags[lines])));
        assert_true(line.start_s == (lines == 0 ? 1.0 : 2.0));
        assert_true(line.length_s == (lines == 0 ? 0.999 : 1.0));
        assert_int_equal(lg_hlog_decode(line.histogram, back, NULL), EVD_OK);
        assert_int_equal(back->counts[lg_histogram_index(2500000)], 1);
        lines++;
    }
    assert_int_equal(lines, 2);
    static const char *const wrong[] = {"x", "1,2", "1,2,x,HIST", "Tag=a", "Tag=a,-1,1,1,H"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(lg_hlog_parse(evd_slice_text(wrong[i]), &line, &error), EVD_ERR_BAD_DATA);
    free(written);
    free(histogram);
    free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_others_wrote),
        cmocka_unit_test(writes_what_others_read),
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(impossible_payloads_are_refused),
        cmocka_unit_test(a_log_has_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
