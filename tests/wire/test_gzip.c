/* gzip.h against RFC 1952: files made by other programs, every field of the header, every
 * truncation, every flipped bit, bombs, and memory that is out. */
#include "server/wire/gzip.h"

#include "wire_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* "Hello, event server!\n", the text of all the files below. */
static const char hello[] = "Hello, event server!\n";

/* touch -d @1700000000 hello.txt; gzip -c -6 hello.txt (gzip 1.12): MTIME and FNAME are set. */
static const unsigned char by_gzip[] = {
    0x1f, 0x8b, 0x08, 0x08, 0x00, 0xf1, 0x53, 0x65, 0x00, 0x03, 0x68, 0x65, 0x6c,
    0x6c, 0x6f, 0x2e, 0x74, 0x78, 0x74, 0x00, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0xd7,
    0x51, 0x48, 0x2d, 0x4b, 0xcd, 0x2b, 0x51, 0x28, 0x4e, 0x2d, 0x2a, 0x4b, 0x2d,
    0x52, 0xe4, 0x02, 0x00, 0xe3, 0x20, 0xd0, 0x48, 0x15, 0x00, 0x00, 0x00};

/* Where the parts of by_gzip are: RFC 1952, 2.3. */
enum {
    FLG = 3,
    MTIME = 4, /* and XFL, OS */
    NAME = 10,
    NAME_END = 19,   /* the NUL */
    LAST_DATA = 42,  /* 3 + 21 * 8 + 7 bits of fixed Huffman codes in 23 bytes: */
    PADDING_FROM = 2 /* six bits of the last one mean nothing (RFC 1951, 3.2.3) */
};

/* All fields that a header may have (RFC 1952, 2.3.1), by Python's zlib and struct: FLG = FTEXT,
 * FHCRC, FEXTRA "AB" with 3 bytes, FNAME "a.txt", FCOMMENT "a comment"; raw deflate; CRC32, ISIZE.
 */
static const unsigned char all_fields[] = {
    0x1f, 0x8b, 0x08, 0x1f, 0x00, 0xf1, 0x53, 0x65, 0x02, 0xff, 0x07, 0x00, 0x41, 0x42,
    0x03, 0x00, 0x78, 0x79, 0x7a, 0x61, 0x2e, 0x74, 0x78, 0x74, 0x00, 0x61, 0x20, 0x63,
    0x6f, 0x6d, 0x6d, 0x65, 0x6e, 0x74, 0x00, 0xeb, 0xdc, 0xf3, 0x48, 0xcd, 0xc9, 0xc9,
    0xd7, 0x51, 0x48, 0x2d, 0x4b, 0xcd, 0x2b, 0x51, 0x28, 0x4e, 0x2d, 0x2a, 0x4b, 0x2d,
    0x52, 0xe4, 0x02, 0x00, 0xe3, 0x20, 0xd0, 0x48, 0x15, 0x00, 0x00, 0x00};

/* printf '' | gzip -n */
static const unsigned char empty_member[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00,
                                             0x00, 0x00, 0x03, 0x03, 0x00, 0x00, 0x00,
                                             0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

/* ---- Allocations, counted and made to fail; the linker sends them here (--wrap). ---- */

static int allocations;        /* of zlib, calloc() and realloc() in this test */
static int allocation_failing; /* the number of the one that fails; 0: none */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
int __real_inflateInit2_(z_stream *stream, int bits, const char *version, int size);
int __wrap_inflateInit2_(z_stream *stream, int bits, const char *version, int size);
int __real_deflateInit2_(z_stream *stream, int level, int method, int bits, int memory,
                         int strategy, const char *version, int size);
int __wrap_deflateInit2_(z_stream *stream, int level, int method, int bits, int memory,
                         int strategy, const char *version, int size);

static bool refuse(void)
{
    return ++allocations == allocation_failing;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refuse() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return refuse() ? NULL : __real_realloc(ptr, size);
}

static void *zlib_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return refuse() ? NULL : malloc((size_t)count * size);
}

static void zlib_free(void *opaque, void *ptr)
{
    (void)opaque;
    free(ptr);
}

int __wrap_inflateInit2_(z_stream *stream, int bits, const char *version, int size)
{
    stream->zalloc = zlib_alloc;
    stream->zfree = zlib_free;
    return __real_inflateInit2_(stream, bits, version, size);
}

int __wrap_deflateInit2_(z_stream *stream, int level, int method, int bits, int memory,
                         int strategy, const char *version, int size)
{
    stream->zalloc = zlib_alloc;
    stream->zfree = zlib_free;
    return __real_deflateInit2_(stream, level, method, bits, memory, strategy, version, size);
}

/* ---- */

struct fixture {
    struct evd_gzip *gzip;
    struct evd_buf out;
    struct evd_error error;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    allocations = allocation_failing = 0;
    evd_buf_init(&f->out, 1 << 20);
    *state = f;
    return f == NULL || evd_gzip_open(1, &f->gzip) != EVD_OK;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    evd_gzip_close(f->gzip);
    evd_buf_release(&f->out);
    free(f);
    return 0;
}

static struct evd_slice bytes(const void *ptr, size_t len)
{
    return evd_slice(ptr, len);
}

/* Inflates a copy that has just its size, so that ASan sees a byte too many being read. */
static int inflate_copy(struct fixture *f, struct evd_slice in, size_t limit)
{
    char *copy = malloc(in.len + 1);
    assert_non_null(copy);
    if (in.len > 0)
        memcpy(copy + 1, in.ptr, in.len);
    f->error.text[0] = '\0';
    int rc = evd_gzip_inflate(f->gzip, evd_slice(copy + 1, in.len), limit, &f->out, &f->error);
    free(copy);
    return rc;
}

static void assert_out(struct fixture *f, const char *text)
{
    assert_int_equal(f->out.len, strlen(text));
    assert_memory_equal(evd_buf_slice(&f->out).ptr, text, f->out.len);
}

static void files_of_others(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(inflate_copy(f, bytes(by_gzip, sizeof by_gzip), 100), EVD_OK);
    assert_out(f, hello);
    evd_buf_clear(&f->out);
    assert_int_equal(inflate_copy(f, bytes(all_fields, sizeof all_fields), 100), EVD_OK);
    assert_out(f, hello);
    evd_buf_clear(&f->out);
    assert_int_equal(inflate_copy(f, bytes(empty_member, sizeof empty_member), 0), EVD_OK);
    assert_out(f, "");
}

static void members_are_joined(void **state)
{
    struct fixture *f = *state;
    char file[256];
    size_t len = 0;
    const struct {
        const void *ptr;
        size_t len;
    } members[] = {{by_gzip, sizeof by_gzip},
                   {empty_member, sizeof empty_member},
                   {all_fields, sizeof all_fields},
                   {empty_member, sizeof empty_member}};
    for (size_t i = 0; i < 4; i++) {
        memcpy(file + len, members[i].ptr, members[i].len);
        len += members[i].len;
    }
    assert_int_equal(evd_buf_append(&f->out, "before ", 7), EVD_OK);
    assert_int_equal(inflate_copy(f, evd_slice(file, len), 42), EVD_OK);
    assert_out(f, "before Hello, event server!\nHello, event server!\n");
    evd_buf_truncate(&f->out, 7);
    /* The limit is of all members together. */
    assert_int_equal(inflate_copy(f, evd_slice(file, len), 41), EVD_ERR_TOO_LARGE);
    assert_out(f, "before ");
    /* Cut in a later member. */
    assert_int_equal(inflate_copy(f, evd_slice(file, len - 1), 42), EVD_ERR_BAD_DATA);
    assert_string_equal(f->error.text, "gzip: truncated after 158 bytes");
    assert_out(f, "before ");
}

static void every_truncation(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(evd_buf_append(&f->out, "kept", 4), EVD_OK);
    for (size_t len = 0; len < sizeof by_gzip; len++) {
        char text[64];
        (void)snprintf(text, sizeof text, "gzip: truncated after %zu bytes", len);
        assert_int_equal(inflate_copy(f, bytes(by_gzip, len), 100), EVD_ERR_BAD_DATA);
        assert_string_equal(f->error.text, text);
        assert_int_equal(f->error.status, EVD_ERR_BAD_DATA);
        assert_out(f, "kept");
    }
    for (size_t len = 0; len < sizeof all_fields; len++)
        assert_int_equal(inflate_copy(f, bytes(all_fields, len), 100), EVD_ERR_BAD_DATA);
    assert_int_equal(inflate_copy(f, (struct evd_slice){NULL, 0}, 100), EVD_ERR_BAD_DATA);
    assert_out(f, "kept");
}

static void other_data_behind_the_end(void **state)
{
    struct fixture *f = *state;
    static const char *const tails[] = {"x", "\n", "garbage", "\x1f", "\x1fgarbage", "\x8b\x1f"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char file[128];
        memcpy(file, by_gzip, sizeof by_gzip);
        size_t len = strlen(tails[i]);
        memcpy(file + sizeof by_gzip, tails[i], len);
        struct evd_slice in = evd_slice(file, sizeof by_gzip + len);
        assert_int_equal(inflate_copy(f, in, 100), EVD_ERR_BAD_DATA);
        assert_string_equal(f->error.text, len == 1 && *tails[i] == '\x1f'
                                               ? "gzip: truncated after 52 bytes"
                                               : "gzip: other data behind the end at byte 51");
        assert_out(f, "");
    }
    char zeros[sizeof by_gzip + 1] = {0}; /* as from a tape: gzip(1) lets it pass, we don't */
    memcpy(zeros, by_gzip, sizeof by_gzip);
    assert_int_equal(inflate_copy(f, bytes(zeros, sizeof zeros), 100), EVD_ERR_BAD_DATA);
}

static bool means_nothing(size_t at, unsigned bit)
{
    return (at == FLG && bit == 0) /* FTEXT, a hint */ || (at >= MTIME && at < NAME_END) ||
           (at == LAST_DATA && bit >= PADDING_FROM);
}

static void every_flipped_bit(void **state)
{
    struct fixture *f = *state;
    size_t passed = 0;
    for (size_t at = 0; at < sizeof by_gzip; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            unsigned char file[sizeof by_gzip];
            memcpy(file, by_gzip, sizeof file);
            file[at] ^= (unsigned char)(1u << bit);
            int rc = inflate_copy(f, bytes(file, sizeof file), 1 << 16);
            if (means_nothing(at, bit)) {
                assert_int_equal(rc, EVD_OK);
                assert_out(f, hello);
                evd_buf_clear(&f->out);
                passed++;
            } else {
                assert_int_equal(rc, EVD_ERR_BAD_DATA);
                assert_true(strncmp(f->error.text, "gzip: ", 6) == 0);
                assert_out(f, "");
            }
        }
    }
    assert_int_equal(passed, 1 + 8 * (NAME_END - MTIME) + 6);
}

/* FHCRC is checked: in all_fields no bit of the header may change but in its own checksum's eyes.
 */
static void header_checksum(void **state)
{
    struct fixture *f = *state;
    for (size_t at = 0; at < 37; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            unsigned char file[sizeof all_fields];
            memcpy(file, all_fields, sizeof file);
            file[at] ^= (unsigned char)(1u << bit);
            assert_int_equal(inflate_copy(f, bytes(file, sizeof file), 100), EVD_ERR_BAD_DATA);
            assert_out(f, "");
        }
    }
}

static void errors_in_words(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(inflate_copy(f, EVD_SLICE("{\"a\": 1}"), 100), EVD_ERR_BAD_DATA);
    assert_string_equal(f->error.text, "gzip: does not start with 1f 8b at byte 0");
    /* The zlib format (RFC 1950) isn't gzip. */
    assert_int_equal(inflate_copy(f, EVD_SLICE("\x78\x9c\x03\x00\x00\x00\x00\x01"), 100),
                     EVD_ERR_BAD_DATA);
    unsigned char file[sizeof by_gzip];
    memcpy(file, by_gzip, sizeof file);
    file[sizeof file - 5] ^= 1; /* CRC32 */
    assert_int_equal(inflate_copy(f, bytes(file, sizeof file), 100), EVD_ERR_BAD_DATA);
    assert_string_equal(f->error.text, "gzip: incorrect data check before byte 47");
    assert_int_equal(evd_gzip_inflate(f->gzip, bytes(file, sizeof file), 100, &f->out, NULL),
                     EVD_ERR_BAD_DATA);
    /* And the same inflater goes on. */
    assert_int_equal(inflate_copy(f, bytes(by_gzip, sizeof by_gzip), 100), EVD_OK);
    assert_out(f, hello);
}

static void limit_is_exact(void **state)
{
    struct fixture *f = *state;
    struct evd_slice file = bytes(by_gzip, sizeof by_gzip);
    assert_int_equal(evd_buf_append(&f->out, "kept", 4), EVD_OK);
    for (size_t limit = 0; limit < sizeof hello - 1; limit++) {
        char text[64];
        (void)snprintf(text, sizeof text, "gzip inflates past the limit of %zu bytes", limit);
        assert_int_equal(inflate_copy(f, file, limit), EVD_ERR_TOO_LARGE);
        assert_string_equal(f->error.text, text);
        assert_out(f, "kept");
    }
    assert_int_equal(inflate_copy(f, file, sizeof hello - 1), EVD_OK);
    assert_out(f, "keptHello, event server!\n");
}

static void max_of_the_output_is_a_limit(void **state)
{
    struct fixture *f = *state;
    struct evd_slice file = bytes(by_gzip, sizeof by_gzip);
    struct evd_buf out;
    for (size_t max = 4; max <= 4 + 21; max++) {
        evd_buf_init(&out, max);
        assert_int_equal(evd_buf_append(&out, "kept", 4), EVD_OK);
        int rc = evd_gzip_inflate(f->gzip, file, 1000, &out, NULL);
        assert_int_equal(rc, max == 4 + 21 ? EVD_OK : EVD_ERR_TOO_LARGE);
        assert_int_equal(out.len, max == 4 + 21 ? 4 + 21 : 4);
        evd_buf_release(&out);
    }
}

static void a_bomb_is_refused_in_bounded_memory(void **state)
{
    struct fixture *f = *state;
    enum { ZEROS = 64 << 20, LIMIT = 1 << 20 };
    static const unsigned char zeros[1 << 16];
    struct evd_buf bomb, out;
    z_stream stream = {.next_in = NULL};

    evd_buf_init(&bomb, 1 << 20);
    evd_buf_init(&out, SIZE_MAX);
    assert_int_equal(evd_buf_reserve(&bomb, 1 << 20), EVD_OK);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    stream.next_out = (Bytef *)evd_buf_tail(&bomb);
    stream.avail_out = 1 << 20;
    for (size_t put = 0; put < ZEROS; put += sizeof zeros) {
        stream.next_in = (Bytef *)zeros;
        stream.avail_in = sizeof zeros;
        bool last = put + sizeof zeros == ZEROS;
        assert_int_equal(deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH),
                         last ? Z_STREAM_END : Z_OK);
    }
    evd_buf_commit(&bomb, stream.total_out);
    assert_int_equal(deflateEnd(&stream), Z_OK);
    assert_true(bomb.len < ZEROS / 500);

    int rc = evd_gzip_inflate(f->gzip, evd_buf_slice(&bomb), LIMIT, &out, &f->error);
    assert_int_equal(rc, EVD_ERR_TOO_LARGE);
    assert_string_equal(f->error.text, "gzip inflates past the limit of 1048576 bytes");
    assert_int_equal(out.len, 0);
    assert_true(out.cap <= 2 * LIMIT);
    /* It was a good file all the same. */
    assert_int_equal(evd_gzip_inflate(f->gzip, evd_buf_slice(&bomb), ZEROS, &out, NULL), EVD_OK);
    assert_int_equal(out.len, ZEROS);
    evd_buf_release(&bomb);
    evd_buf_release(&out);
}

/* A reader of our own for what deflate gives, the way any client would read it. */
static void read_by_zlib(struct evd_slice file, struct evd_slice text)
{
    z_stream stream = {.next_in = NULL};
    char *out = malloc(text.len + 1);
    assert_non_null(out);
    assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)file.ptr;
    stream.avail_in = (uInt)file.len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)text.len + 1;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, text.len);
    if (text.len > 0)
        assert_memory_equal(out, text.ptr, text.len);
    assert_int_equal(inflateEnd(&stream), Z_OK);
    free(out);
}

static void deflates_one_plain_member(void **state)
{
    struct fixture *f = *state;
    static const unsigned char header[8] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0}; /* no flag, no time */
    static char text[200000];
    static const size_t lengths[] = {0, 1, 2, 64, 1000, 16384, 27000, sizeof text};
    uint64_t seed = 4;
    for (unsigned kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = kind == 0 ? (char)test_random(&seed) : "abcdefg\n"[i % 7 * (i / 99) % 8];
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            struct evd_slice in = evd_slice(text, lengths[i]);
            evd_buf_clear(&f->out);
            assert_int_equal(evd_buf_append(&f->out, "kept", 4), EVD_OK);
            assert_int_equal(evd_gzip_deflate(f->gzip, in, &f->out), EVD_OK);
            struct evd_slice file = evd_buf_slice(&f->out);
            assert_memory_equal(file.ptr, "kept", 4);
            file = evd_slice(file.ptr + 4, file.len - 4);
            assert_memory_equal(file.ptr, header, sizeof header);
            read_by_zlib(file, in);
        }
    }
    evd_buf_clear(&f->out);
    assert_int_equal(evd_gzip_deflate(f->gzip, (struct evd_slice){NULL, 0}, &f->out), EVD_OK);
    read_by_zlib(evd_buf_slice(&f->out), EVD_SLICE(""));
}

static void equal_input_gives_equal_output(void **state)
{
    struct fixture *f = *state;
    char first[100];
    assert_int_equal(evd_gzip_deflate(f->gzip, EVD_SLICE("some text"), &f->out), EVD_OK);
    size_t len = f->out.len;
    memcpy(first, evd_buf_slice(&f->out).ptr, len);
    evd_buf_clear(&f->out);
    assert_int_equal(evd_gzip_deflate(f->gzip, EVD_SLICE("something else"), &f->out), EVD_OK);
    evd_buf_clear(&f->out);
    assert_int_equal(evd_gzip_deflate(f->gzip, EVD_SLICE("some text"), &f->out), EVD_OK);
    assert_int_equal(f->out.len, len);
    assert_memory_equal(evd_buf_slice(&f->out).ptr, first, len);
}

static void deflate_meets_the_maximum_exactly(void **state)
{
    struct fixture *f = *state;
    struct evd_slice in = EVD_SLICE("Hello, event server!\n");
    assert_int_equal(evd_gzip_deflate(f->gzip, in, &f->out), EVD_OK);
    size_t len = f->out.len;
    for (size_t max = 4; max <= len + 4; max++) {
        struct evd_buf out;
        evd_buf_init(&out, max);
        assert_int_equal(evd_buf_append(&out, "kept", 4), EVD_OK);
        int rc = evd_gzip_deflate(f->gzip, in, &out);
        assert_int_equal(rc, max == len + 4 ? EVD_OK : EVD_ERR_TOO_LARGE);
        assert_int_equal(out.len, max == len + 4 ? max : 4);
        assert_memory_equal(evd_buf_slice(&out).ptr, "kept", 4);
        evd_buf_release(&out);
    }
    /* What zlib fears it might take is more than there is; what it takes is not. */
    static const char zeros[10000];
    struct evd_buf out;
    evd_buf_init(&out, 100);
    assert_int_equal(evd_gzip_deflate(f->gzip, evd_slice(zeros, sizeof zeros), &out), EVD_OK);
    evd_buf_release(&out);
}

static void states_are_made_once(void **state)
{
    struct fixture *f = *state;
    static char text[100000];
    struct evd_buf file, growing;
    uint64_t seed = 5;
    int before = allocations;
    assert_true(before >= 4); /* else they were not counted */
    test_random_bytes(&seed, text, sizeof text);
    evd_buf_init(&file, 1 << 20);
    evd_buf_init(&growing, 1 << 20);
    assert_int_equal(evd_gzip_deflate(f->gzip, evd_slice(text, sizeof text), &file), EVD_OK);
    /* Output that is short of room makes the inflater remember its window between calls. */
    assert_int_equal(evd_gzip_inflate(f->gzip, evd_buf_slice(&file), sizeof text, &growing, NULL),
                     EVD_OK);
    assert_true(allocations - before <= 8); /* the doublings of both outputs, 16 to 128 KiB */
    before = allocations;
    for (int i = 0; i < 10; i++) {
        size_t len = i % 2 == 0 ? sizeof text : 10;
        evd_buf_clear(&file);
        evd_buf_clear(&growing);
        assert_int_equal(evd_gzip_deflate(f->gzip, evd_slice(text, len), &file), EVD_OK);
        assert_int_equal(evd_gzip_inflate(f->gzip, evd_buf_slice(&file), len, &growing, NULL),
                         EVD_OK);
        assert_int_equal(growing.len, len);
        assert_memory_equal(evd_buf_slice(&growing).ptr, text, len);
    }
    assert_int_equal(allocations, before);
    evd_buf_release(&growing);
    evd_buf_release(&file);
}

static void open_fails_cleanly_when_memory_is_out(void **state)
{
    (void)state;
    struct evd_gzip *gzip = NULL;
    int rc = EVD_ERR_NO_MEMORY;
    for (allocation_failing = 1; rc != EVD_OK; allocation_failing++) {
        allocations = 0;
        rc = evd_gzip_open(1, &gzip);
        if (rc != EVD_OK) { /* what was made before is freed: LeakSanitizer looks */
            assert_int_equal(rc, EVD_ERR_NO_MEMORY);
            assert_null(gzip);
        }
    }
    assert_true(allocation_failing > 5);
    evd_gzip_close(gzip);
    evd_gzip_close(NULL);
    allocation_failing = 0;
}

static void output_as_it_was_when_memory_is_out(void **state)
{
    struct fixture *f = *state;
    static char text[300000];
    struct evd_buf file, out;
    uint64_t seed = 6;
    test_random_bytes(&seed, text, sizeof text);
    evd_buf_init(&file, 1 << 20);
    int failed = 0;
    for (int failing = 1;; failing++) {
        evd_buf_release(&file);
        assert_int_equal(evd_buf_append(&file, "kept", 4), EVD_OK);
        evd_buf_init(&out, 1 << 20);
        assert_int_equal(evd_buf_append(&out, "kept", 4), EVD_OK);
        allocations = 0;
        allocation_failing = failing;
        int rc = evd_gzip_deflate(f->gzip, evd_slice(text, sizeof text), &file);
        if (rc != EVD_OK) {
            assert_int_equal(rc, EVD_ERR_NO_MEMORY);
            assert_int_equal(file.len, 4);
        } else {
            struct evd_slice in = evd_buf_slice(&file);
            rc = evd_gzip_inflate(f->gzip, evd_slice(in.ptr + 4, in.len - 4), 1 << 20, &out,
                                  &f->error);
            if (rc != EVD_OK) {
                assert_int_equal(rc, EVD_ERR_NO_MEMORY);
                assert_string_equal(f->error.text, "gzip: out of memory");
                assert_int_equal(out.len, 4);
            }
        }
        assert_memory_equal(evd_buf_slice(&out).ptr, "kept", 4);
        evd_buf_release(&out);
        allocation_failing = 0;
        if (rc == EVD_OK)
            break;
        failed++;
    }
    assert_true(failed >= 8);
    evd_buf_release(&file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_of_others),
        TEST(members_are_joined),
        TEST(every_truncation),
        TEST(other_data_behind_the_end),
        TEST(every_flipped_bit),
        TEST(header_checksum),
        TEST(errors_in_words),
        TEST(limit_is_exact),
        TEST(max_of_the_output_is_a_limit),
        TEST(a_bomb_is_refused_in_bounded_memory),
        TEST(deflates_one_plain_member),
        TEST(equal_input_gives_equal_output),
        TEST(deflate_meets_the_maximum_exactly),
        TEST(states_are_made_once),
        TEST(open_fails_cleanly_when_memory_is_out),
        TEST(output_as_it_was_when_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
