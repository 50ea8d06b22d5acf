/* codec.h: one suite that runs for every line of codec.def. */
#include "server/wire/codec.h"

#include "wire_test.h"

#include <stdio.h>
#include <stdlib.h>

#define LARGE (27 * 1024) /* the largest webhook payload has about as much */

/* The linker sends the library's realloc() here (--wrap=realloc). */
static int reallocs;         /* calls so far in this test */
static int reallocs_failing; /* the number of the call that fails; 0: none */

void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_realloc(void *ptr, size_t size)
{
    return ++reallocs == reallocs_failing ? NULL : __real_realloc(ptr, size);
}

struct fixture {
    const struct evd_codec *codec;
    uint8_t number; /* as codec.def has it */
    struct evd_codec_context context;
    struct evd_buf wire, out;
    struct evd_error error;
    struct evd_slice samples[6];
    char bytes[256], large[LARGE], random[LARGE];
};

/* One a test of the suite; the codec under test is its initial state. */
struct entry {
    const struct evd_codec *codec;
    uint8_t number;
};

static int setup(void **state)
{
    const struct entry *entry = *state;
    struct fixture *f = calloc(1, sizeof *f);
    uint64_t seed = 7;
    if (f == NULL)
        return -1;
    f->codec = entry->codec;
    f->number = entry->number;
    for (size_t i = 0; i < sizeof f->bytes; i++)
        f->bytes[i] = (char)i;
    for (size_t i = 0; i < sizeof f->large; i++)
        f->large[i] = "{\"name\": \"value\"}, "[i * i % 19];
    test_random_bytes(&seed, f->random, sizeof f->random);
    f->samples[0] = evd_slice(NULL, 0);
    f->samples[1] = evd_slice("7", 1);
    f->samples[2] = evd_slice(f->large, 64);
    f->samples[3] = evd_slice(f->bytes, sizeof f->bytes);
    f->samples[4] = evd_slice(f->large, sizeof f->large);
    f->samples[5] = evd_slice(f->random, sizeof f->random);
    evd_buf_init(&f->wire, 1 << 20);
    evd_buf_init(&f->out, 1 << 20);
    reallocs = reallocs_failing = 0;
    *state = f;
    return evd_codec_context_init(&f->context, LARGE);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    evd_codec_context_release(&f->context);
    evd_buf_release(&f->wire);
    evd_buf_release(&f->out);
    free(f);
    return 0;
}

static void encode(struct fixture *f, struct evd_slice payload)
{
    evd_buf_clear(&f->wire);
    assert_int_equal(f->codec->encode(&f->context, payload, &f->wire), EVD_OK);
}

static int decode(struct fixture *f, struct evd_slice in)
{
    f->error = (struct evd_error){.status = 0};
    return f->codec->decode(&f->context, in, &f->out, &f->error);
}

static void assert_out(struct fixture *f, struct evd_slice text)
{
    assert_int_equal(f->out.len, text.len);
    if (text.len > 0)
        assert_memory_equal(evd_buf_slice(&f->out).ptr, text.ptr, text.len);
}

static void is_found_by_name_and_number(void **state)
{
    struct fixture *f = *state;
    char name[32];
    size_t len = strlen(f->codec->name);
    assert_int_equal(f->codec->number, f->number);
    assert_ptr_equal(evd_codec_by_number(f->codec->number), f->codec);
    assert_true(len > 0 && len < sizeof name - 1);
    memcpy(name, f->codec->name, len);
    name[len] = 'x'; /* a slice isn't NUL-terminated */
    assert_ptr_equal(evd_codec_by_name(evd_slice(name, len)), f->codec);
    assert_null(evd_codec_by_name(evd_slice(name, len + 1)));
    assert_null(evd_codec_by_name(evd_slice(name, len - 1)));
    name[0] = (char)(name[0] - 'a' + 'A');
    assert_null(evd_codec_by_name(evd_slice(name, len)));
}

static void gives_back_what_it_was_given(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof f->samples / sizeof *f->samples; i++) {
        encode(f, f->samples[i]);
        evd_buf_clear(&f->out);
        assert_int_equal(decode(f, evd_buf_slice(&f->wire)), EVD_OK);
        assert_out(f, f->samples[i]);
    }
}

static void appends(void **state)
{
    struct fixture *f = *state;
    struct evd_slice text = EVD_SLICE("{\"n\":1}"), twice = EVD_SLICE("kept{\"n\":1}{\"n\":1}");
    char first[100];
    encode(f, text);
    size_t len = f->wire.len;
    memcpy(first, evd_buf_slice(&f->wire).ptr, len);
    assert_int_equal(f->codec->encode(&f->context, text, &f->wire), EVD_OK);
    assert_int_equal(f->wire.len, 2 * len);
    assert_memory_equal(evd_buf_slice(&f->wire).ptr, first, len);
    assert_memory_equal(evd_buf_slice(&f->wire).ptr + len, first, len); /* same in, same out */
    assert_int_equal(evd_buf_append(&f->out, "kept", 4), EVD_OK);
    assert_int_equal(decode(f, evd_slice(first, len)), EVD_OK);
    assert_int_equal(decode(f, evd_slice(first, len)), EVD_OK);
    assert_out(f, twice);
}

static void identity_tells_the_truth(void **state)
{
    struct fixture *f = *state;
    bool changes = false;
    for (size_t i = 0; i < sizeof f->samples / sizeof *f->samples; i++) {
        encode(f, f->samples[i]);
        changes = changes || !evd_slice_equal(evd_buf_slice(&f->wire), f->samples[i]);
        if (f->codec->identity) {
            evd_buf_clear(&f->out);
            assert_int_equal(decode(f, f->samples[i]), EVD_OK);
            assert_out(f, f->samples[i]);
        }
    }
    assert_int_equal(f->codec->identity, !changes);
}

/* Whatever is cut off or added: an error in words, or, where a codec cannot know, some text that is
 * not longer than the original; never a change of what was there. */
static void damaged_input_leaves_out_as_it_was(void **state)
{
    struct fixture *f = *state;
    if (f->codec->identity)
        return;
    encode(f, f->samples[2]);
    struct evd_slice whole = evd_buf_slice(&f->wire);
    size_t refused = 0;
    assert_int_equal(evd_buf_append(&f->out, "kept", 4), EVD_OK);
    for (size_t len = 0; len < whole.len; len++) {
        int rc = decode(f, evd_slice(whole.ptr, len));
        assert_int_equal(f->codec->decode(&f->context, evd_slice(whole.ptr, len), &f->out, NULL),
                         rc); /* no words wanted */
        if (rc < 0) {
            assert_int_equal(rc, EVD_ERR_BAD_DATA);
            assert_int_equal(f->error.status, rc);
            assert_true(strlen(f->error.text) > 10);
            refused++;
        }
        assert_true(f->out.len >= 4 && (rc < 0) <= (f->out.len == 4));
        assert_memory_equal(evd_buf_slice(&f->out).ptr, "kept", 4);
        evd_buf_truncate(&f->out, 4);
    }
    assert_true(refused >= whole.len * 3 / 4 - 1);
    assert_int_equal(evd_buf_append(&f->wire, "\x01", 1), EVD_OK);
    assert_int_equal(decode(f, evd_buf_slice(&f->wire)), EVD_ERR_BAD_DATA);
    assert_int_equal(decode(f, EVD_SLICE("{\"no\": 1}")), EVD_ERR_BAD_DATA);
    assert_out(f, EVD_SLICE("kept"));
    /* And the context is good for the next call. */
    evd_buf_truncate(&f->wire, whole.len);
    evd_buf_clear(&f->out);
    assert_int_equal(decode(f, evd_buf_slice(&f->wire)), EVD_OK);
    assert_out(f, f->samples[2]);
}

static void max_decoded_is_exact(void **state)
{
    struct fixture *f = *state;
    char larger[LARGE + 2] = {0};
    assert_int_equal(evd_buf_append(&f->out, "kept", 4), EVD_OK);
    for (size_t more = 0; more < 3; more++) {
        encode(f, evd_slice(larger, LARGE + more));
        int rc = decode(f, evd_buf_slice(&f->wire));
        if (more == 0 || f->codec->identity) {
            assert_int_equal(rc, EVD_OK);
            assert_int_equal(f->out.len, 4 + LARGE + more);
            evd_buf_truncate(&f->out, 4);
        } else {
            assert_int_equal(rc, EVD_ERR_TOO_LARGE);
            assert_int_equal(f->error.status, EVD_ERR_TOO_LARGE);
            assert_non_null(strstr(f->error.text, "27648")); /* the limit is named */
        }
        assert_int_equal(f->out.len, 4);
        assert_memory_equal(evd_buf_slice(&f->out).ptr, "kept", 4);
    }
}

static void maximum_of_the_output_is_exact(void **state)
{
    struct fixture *f = *state;
    encode(f, f->samples[3]);
    struct evd_slice whole = evd_buf_slice(&f->wire);
    for (size_t less = 0; less < 5; less++) {
        struct evd_buf out;
        evd_buf_init(&out, 4 + whole.len - less);
        assert_int_equal(evd_buf_append(&out, "kept", 4), EVD_OK);
        int rc = f->codec->encode(&f->context, f->samples[3], &out);
        assert_int_equal(rc, less == 0 ? EVD_OK : EVD_ERR_TOO_LARGE);
        assert_int_equal(out.len, less == 0 ? 4 + whole.len : 4);
        assert_memory_equal(evd_buf_slice(&out).ptr, "kept", 4);
        evd_buf_release(&out);

        evd_buf_init(&out, 4 + f->samples[3].len - less);
        assert_int_equal(evd_buf_append(&out, "kept", 4), EVD_OK);
        rc = f->codec->decode(&f->context, whole, &out, &f->error);
        assert_int_equal(rc, less == 0 ? EVD_OK : EVD_ERR_TOO_LARGE);
        assert_int_equal(out.len, less == 0 ? 4 + f->samples[3].len : 4);
        assert_memory_equal(evd_buf_slice(&out).ptr, "kept", 4);
        evd_buf_release(&out);
    }
}

static void memory_is_not_asked_for_twice(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 10; i++) {
        int before = reallocs;
        for (size_t k = 0; k < sizeof f->samples / sizeof *f->samples; k++) {
            encode(f, f->samples[k]);
            evd_buf_clear(&f->out);
            assert_int_equal(decode(f, evd_buf_slice(&f->wire)), EVD_OK);
        }
        assert_true(i > 0 ? reallocs == before : reallocs > 0);
    }
}

/* Fails the first allocation of a round trip, then the second, …, until all succeed. */
static void memory_out_leaves_out_as_it_was(void **state)
{
    struct fixture *f = *state;
    for (int failing = 1;; failing++) {
        evd_buf_release(&f->wire);
        evd_buf_release(&f->out);
        evd_buf_release(&f->context.scratch);
        assert_int_equal(evd_buf_append(&f->wire, "kept", 4), EVD_OK);
        assert_int_equal(evd_buf_append(&f->out, "kept", 4), EVD_OK);
        reallocs = 0;
        reallocs_failing = failing;
        int rc = f->codec->encode(&f->context, f->samples[5], &f->wire);
        if (rc < 0) {
            assert_int_equal(rc, EVD_ERR_NO_MEMORY);
            assert_int_equal(f->wire.len, 4);
        } else {
            struct evd_slice in = evd_buf_slice(&f->wire);
            evd_buf_release(&f->context.scratch);
            rc = decode(f, evd_slice(in.ptr + 4, in.len - 4));
            if (rc < 0) {
                assert_int_equal(rc, EVD_ERR_NO_MEMORY);
                assert_int_equal(f->error.status, EVD_ERR_NO_MEMORY);
                assert_int_equal(f->out.len, 4);
            }
        }
        reallocs_failing = 0;
        assert_memory_equal(evd_buf_slice(&f->wire).ptr, "kept", 4);
        assert_memory_equal(evd_buf_slice(&f->out).ptr, "kept", 4);
        if (rc == EVD_OK) {
            assert_true(failing > 2);
            return;
        }
    }
}

/* ---- What is about the list, not about one codec ---- */

static void the_list_is_whole_and_its_keys_unique(void **state)
{
    (void)state;
    size_t count = 0;
#define EVD_CODEC(ident, number) assert_ptr_equal(evd_codecs[count++], &evd_codec_##ident);
#include "server/wire/codec.def"
#undef EVD_CODEC
    assert_null(evd_codecs[count]);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(evd_codecs[i]->name, evd_codecs[k]->name);
            assert_int_not_equal(evd_codecs[i]->number, evd_codecs[k]->number);
        }
}

static void what_is_not_in_the_list_is_not_found(void **state)
{
    (void)state;
    assert_null(evd_codec_by_name(EVD_SLICE("")));
    assert_null(evd_codec_by_name((struct evd_slice){NULL, 0}));
    assert_null(evd_codec_by_name(EVD_SLICE("rot13")));
    assert_null(evd_codec_by_name(EVD_SLICE("json\0")));
    size_t found = 0, listed = 0;
    for (unsigned number = 0; number < 256; number++)
        found += evd_codec_by_number((uint8_t)number) != NULL;
    while (evd_codecs[listed] != NULL)
        listed++;
    assert_int_equal(found, listed);
}

/* What other programs make and read: the names and numbers of docs/PROTOCOL.md, and
 *   printf '"online"' | base64          printf '"online"' | gzip -n | base64 -w0 */
static void bytes_of_other_programs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t number;
        struct evd_slice wire;
    } of_others[] = {
        {"json", 0, {"\"online\"", 8}},
        {"base64", 1, {"Im9ubGluZSI=", 12}},
        {"gzip",
         2,
         {"\x1f\x8b\x08\0\0\0\0\0\0\x03\x53\xca\xcf\xcb\xc9\xcc\x4b\x55\x02\0\x8d\xf2\x3e\x04\x08\0"
          "\0\0",
          28}},
        {"base64+gzip", 3, {"H4sIAAAAAAAAA1PKz8vJzEtVAgCN8j4ECAAAAA==", 40}},
    };
    struct evd_codec_context context;
    struct evd_buf out;
    evd_buf_init(&out, 100);
    assert_int_equal(evd_codec_context_init(&context, 100), EVD_OK);
    for (size_t i = 0; i < sizeof of_others / sizeof *of_others; i++) {
        const struct evd_codec *codec = evd_codec_by_name(evd_slice_text(of_others[i].name));
        assert_non_null(codec);
        assert_int_equal(codec->number, of_others[i].number);
        evd_buf_clear(&out);
        assert_int_equal(codec->decode(&context, of_others[i].wire, &out, NULL), EVD_OK);
        assert_true(evd_slice_equal(evd_buf_slice(&out), EVD_SLICE("\"online\"")));
    }
    evd_codec_context_release(&context);
    evd_buf_release(&out);
}

static void a_context_without_memory_can_be_released(void **state)
{
    (void)state;
    struct evd_codec_context context = {.gzip = NULL};
    evd_codec_context_release(&context);
    assert_int_equal(evd_codec_context_init(&context, SIZE_MAX), EVD_OK);
    assert_true(context.scratch.max == SIZE_MAX && context.wire.max == SIZE_MAX);
    evd_codec_context_release(&context);
    evd_codec_context_release(&context);
}

static const struct entry entries[] = {
#define EVD_CODEC(ident, number) {&evd_codec_##ident, number},
#include "server/wire/codec.def"
#undef EVD_CODEC
};

static const struct {
    const char *name;
    CMUnitTestFunction run;
} suite[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(is_found_by_name_and_number),
    TEST(gives_back_what_it_was_given),
    TEST(appends),
    TEST(identity_tells_the_truth),
    TEST(damaged_input_leaves_out_as_it_was),
    TEST(max_decoded_is_exact),
    TEST(maximum_of_the_output_is_exact),
    TEST(memory_is_not_asked_for_twice),
    TEST(memory_out_leaves_out_as_it_was),
#undef TEST
};

enum { ENTRIES = sizeof entries / sizeof *entries, SUITE = sizeof suite / sizeof *suite };

int main(void)
{
    static char names[ENTRIES * SUITE][80];
    static struct CMUnitTest tests[ENTRIES * SUITE];
    for (size_t e = 0; e < ENTRIES; e++)
        for (size_t s = 0; s < SUITE; s++) {
            size_t at = e * SUITE + s;
            (void)snprintf(names[at], sizeof names[at], "%s: %s", entries[e].codec->name,
                           suite[s].name);
            tests[at] = (struct CMUnitTest){names[at], suite[s].run, setup, teardown,
                                            (void *)(uintptr_t)&entries[e]};
        }
    const struct CMUnitTest of_the_list[] = {
        cmocka_unit_test(the_list_is_whole_and_its_keys_unique),
        cmocka_unit_test(what_is_not_in_the_list_is_not_found),
        cmocka_unit_test(bytes_of_other_programs),
        cmocka_unit_test(a_context_without_memory_can_be_released),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + cmocka_run_group_tests(of_the_list, NULL, NULL);
}
