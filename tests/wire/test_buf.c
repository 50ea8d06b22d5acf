/* buf.h: growth, the maximum, moving down instead of growing, and allocations that fail. */
#include "server/wire/buf.h"

#include "wire_test.h"

#include <stdbool.h>
#include <stdlib.h>

/* The linker sends the library's realloc() here (--wrap=realloc). */
static int reallocs;         /* calls so far in this test */
static int reallocs_failing; /* the number of the call that fails; 0: none */

void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_realloc(void *ptr, size_t size)
{
    return ++reallocs == reallocs_failing ? NULL : __real_realloc(ptr, size);
}

static int setup(void **state)
{
    (void)state;
    reallocs = reallocs_failing = 0;
    return 0;
}

static void assert_holds(const struct evd_buf *buf, const char *text)
{
    struct evd_slice data = evd_buf_slice(buf);
    assert_int_equal(data.len, strlen(text));
    assert_memory_equal(data.ptr, text, data.len);
    assert_true(buf->off + buf->len <= buf->cap);
    assert_true(buf->cap <= buf->max);
}

static void starts_empty_and_owns_nothing(void **state)
{
    (void)state;
    struct evd_buf buf;
    evd_buf_init(&buf, 100);
    assert_null(buf.ptr);
    assert_null(evd_buf_slice(&buf).ptr);
    assert_int_equal(evd_buf_slice(&buf).len, 0);
    assert_int_equal(evd_buf_room(&buf), 0);
    assert_int_equal(evd_buf_reserve(&buf, 0), EVD_OK);
    assert_int_equal(evd_buf_append(&buf, NULL, 0), EVD_OK);
    assert_null(buf.ptr);
    assert_int_equal(reallocs, 0);
    evd_buf_release(&buf); /* of a buffer that owns nothing */
}

static void grows_and_keeps_what_it_holds(void **state)
{
    (void)state;
    struct evd_buf buf;
    evd_buf_init(&buf, 1 << 20);
    for (unsigned i = 0; i < 100000; i++) {
        char byte = (char)(i % 251);
        assert_int_equal(evd_buf_append(&buf, &byte, 1), EVD_OK);
    }
    struct evd_slice data = evd_buf_slice(&buf);
    assert_int_equal(data.len, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal((unsigned char)data.ptr[i], i % 251);
    assert_true(reallocs <= 10); /* doubles: 512 B to 128 KiB in 9 */
    assert_true(buf.cap < 2 * 100000 + 512);
    evd_buf_release(&buf);
}

static void max_is_exact(void **state)
{
    (void)state;
    static const size_t maxima[] = {1, 2, 511, 512, 513, 1000, 1024, 5000};
    for (size_t i = 0; i < sizeof maxima / sizeof *maxima; i++) {
        struct evd_buf buf;
        size_t max = maxima[i];
        evd_buf_init(&buf, max);
        assert_int_equal(evd_buf_append(&buf, "x", 1), EVD_OK);
        assert_int_equal(evd_buf_reserve(&buf, max), EVD_ERR_TOO_LARGE);
        assert_int_equal(evd_buf_reserve(&buf, SIZE_MAX), EVD_ERR_TOO_LARGE);
        assert_holds(&buf, "x");
        assert_int_equal(evd_buf_reserve(&buf, max - 1), EVD_OK);
        assert_true(evd_buf_room(&buf) >= max - 1);
        assert_true(buf.cap <= max);
        while (buf.len < max)
            assert_int_equal(evd_buf_append(&buf, "y", 1), EVD_OK);
        assert_int_equal(evd_buf_append(&buf, "z", 1), EVD_ERR_TOO_LARGE);
        assert_int_equal(buf.len, max);
        assert_int_equal(evd_buf_slice(&buf).ptr[max - 1], max == 1 ? 'x' : 'y');
        evd_buf_release(&buf);
    }
}

static void max_zero_holds_nothing(void **state)
{
    (void)state;
    struct evd_buf buf;
    evd_buf_init(&buf, 0);
    assert_int_equal(evd_buf_append(&buf, "", 0), EVD_OK);
    assert_int_equal(evd_buf_append(&buf, "x", 1), EVD_ERR_TOO_LARGE);
    evd_buf_release(&buf);
}

static void huge_max_does_not_overflow(void **state)
{
    (void)state;
    struct evd_buf buf;
    evd_buf_init(&buf, SIZE_MAX);
    assert_int_equal(evd_buf_append(&buf, "abc", 3), EVD_OK);
    assert_int_equal(evd_buf_reserve(&buf, SIZE_MAX - 2), EVD_ERR_TOO_LARGE);
    assert_holds(&buf, "abc");
    evd_buf_release(&buf);
}

static void drop_truncate_clear(void **state)
{
    (void)state;
    struct evd_buf buf;
    evd_buf_init(&buf, 100);
    assert_int_equal(evd_buf_append_slice(&buf, EVD_SLICE("hello, world")), EVD_OK);
    evd_buf_drop(&buf, 7);
    assert_holds(&buf, "world");
    assert_int_equal(buf.off, 7);
    evd_buf_truncate(&buf, 3);
    assert_holds(&buf, "wor");
    assert_int_equal(evd_buf_append(&buf, "m", 1), EVD_OK);
    assert_holds(&buf, "worm");
    evd_buf_drop(&buf, 4);
    assert_int_equal(buf.off, 0); /* empty: all the room is there again */
    assert_int_equal(evd_buf_append(&buf, "x", 1), EVD_OK);
    evd_buf_clear(&buf);
    assert_holds(&buf, "");
    evd_buf_release(&buf);
}

static void moves_down_rather_than_grow(void **state)
{
    (void)state;
    struct evd_buf buf;
    evd_buf_init(&buf, 1 << 20);
    assert_int_equal(evd_buf_reserve(&buf, 1), EVD_OK);
    size_t cap = buf.cap;
    while (evd_buf_room(&buf) > 0)
        assert_int_equal(evd_buf_append(&buf, "a", 1), EVD_OK);
    evd_buf_drop(&buf, cap - 3);
    char *ptr = buf.ptr;
    assert_int_equal(evd_buf_append(&buf, "bcd", 3), EVD_OK);
    assert_holds(&buf, "aaabcd");
    assert_ptr_equal(buf.ptr, ptr);
    assert_int_equal(buf.off, 0);
    assert_int_equal(buf.cap, cap);
    assert_int_equal(reallocs, 1);

    /* Even into the last byte. */
    while (evd_buf_room(&buf) > 0)
        assert_int_equal(evd_buf_append(&buf, "a", 1), EVD_OK);
    evd_buf_drop(&buf, cap - 2);
    assert_int_equal(evd_buf_reserve(&buf, cap - 2), EVD_OK);
    assert_int_equal(buf.cap, cap);
    assert_int_equal(evd_buf_room(&buf), cap - 2);
    assert_int_equal(reallocs, 1);
    assert_int_equal(evd_buf_append(&buf, "bcd", 3), EVD_OK);

    /* And it grows, moved down or not, when that is not enough. */
    evd_buf_drop(&buf, 1);
    assert_int_equal(evd_buf_reserve(&buf, 3 * cap), EVD_OK);
    assert_true(evd_buf_room(&buf) >= 3 * cap);
    assert_holds(&buf, "abcd");
    evd_buf_release(&buf);
}

/* A little out, a little in, with much in between: the bytes moved stay in proportion to the bytes
 * that pass through. */
static void a_trickle_through_a_full_buffer_moves_little(void **state)
{
    (void)state;
    enum { HELD = 3000, TURNS = 10000 };
    static const char block[HELD];
    struct evd_buf buf;
    size_t moves = 0;
    evd_buf_init(&buf, 1 << 20);
    assert_int_equal(evd_buf_append(&buf, block, HELD), EVD_OK);
    for (int i = 0; i < TURNS; i++) {
        evd_buf_drop(&buf, 1);
        size_t off = buf.off;
        assert_int_equal(evd_buf_append(&buf, "x", 1), EVD_OK);
        moves += buf.off < off;
    }
    assert_true(moves <= TURNS / HELD);
    assert_true(buf.cap <= 4 * 4096);
    evd_buf_release(&buf);
}

static void full_to_max_behind_dropped_bytes(void **state)
{
    (void)state;
    struct evd_buf buf;
    evd_buf_init(&buf, 700); /* grows once by less than double */
    for (int i = 0; i < 512; i++)
        assert_int_equal(evd_buf_append(&buf, i < 500 ? "a" : "b", 1), EVD_OK);
    evd_buf_drop(&buf, 500);
    assert_int_equal(evd_buf_reserve(&buf, 688), EVD_OK);
    assert_true(evd_buf_room(&buf) >= 688);
    assert_int_equal(buf.cap, 700);
    assert_holds(&buf, "bbbbbbbbbbbb");
    assert_int_equal(evd_buf_reserve(&buf, 689), EVD_ERR_TOO_LARGE);
    evd_buf_release(&buf);
}

static void release_gives_back_and_keeps_max(void **state)
{
    (void)state;
    struct evd_buf buf;
    evd_buf_init(&buf, 10);
    assert_int_equal(evd_buf_append(&buf, "0123456789", 10), EVD_OK);
    evd_buf_drop(&buf, 2);
    evd_buf_release(&buf);
    assert_null(buf.ptr);
    assert_int_equal(buf.off + buf.len + buf.cap, 0);
    assert_int_equal(evd_buf_append(&buf, "0123456789", 10), EVD_OK);
    assert_int_equal(evd_buf_append(&buf, "x", 1), EVD_ERR_TOO_LARGE);
    assert_holds(&buf, "0123456789");
    evd_buf_release(&buf);
    evd_buf_release(&buf);
}

/* Fails the first allocation, then the second, …, until all succeed. Some of them come with bytes
 * dropped at the front, and too little room even if the data moved down. */
static void nothing_changes_when_memory_is_out(void **state)
{
    (void)state;
    static const char block[3000];
    for (int failing = 1;; failing++) {
        struct evd_buf buf;
        bool failed = false;
        size_t held = 0;
        evd_buf_init(&buf, 1 << 20);
        reallocs = 0;
        reallocs_failing = failing;
        for (size_t len = 1; len <= sizeof block; len += 50) {
            struct evd_buf before = buf;
            int rc = evd_buf_append(&buf, block, len);
            if (rc < 0) {
                assert_int_equal(rc, EVD_ERR_NO_MEMORY);
                assert_false(failed);
                failed = true;
                assert_memory_equal(&buf, &before, sizeof buf); /* pointers into it are good */
            } else {
                held += len;
            }
            assert_int_equal(buf.len, held);
            if (held > 10) {
                evd_buf_drop(&buf, 10);
                held -= 10;
            }
        }
        evd_buf_release(&buf);
        if (!failed) {
            assert_true(failing > 4);
            return;
        }
    }
}

/* Against a model: what is appended at one end comes out at the other. */
static void random_queue_matches_a_counter(void **state)
{
    (void)state;
    struct evd_buf buf;
    uint64_t seed = 1, put = 0, got = 0;
    char chunk[300];
    evd_buf_init(&buf, 2000);
    for (int step = 0; step < 20000; step++) {
        size_t len = (size_t)(test_random(&seed) % sizeof chunk);
        if (test_random(&seed) % 2 == 0) {
            for (size_t i = 0; i < len; i++)
                chunk[i] = (char)((put + i) * 7);
            int rc = evd_buf_append(&buf, chunk, len);
            assert_int_equal(rc, put - got + len > 2000 ? EVD_ERR_TOO_LARGE : EVD_OK);
            put += rc == EVD_OK ? len : 0;
        } else {
            len = len < buf.len ? len : buf.len;
            for (size_t i = 0; i < len; i++)
                assert_int_equal(evd_buf_slice(&buf).ptr[i], (char)((got + i) * 7));
            evd_buf_drop(&buf, len);
            got += len;
        }
        assert_int_equal(buf.len, put - got);
        assert_true(buf.off + buf.len <= buf.cap && buf.cap <= buf.max);
    }
    assert_true(put > 100000);
    evd_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(starts_empty_and_owns_nothing, setup),
        cmocka_unit_test_setup(grows_and_keeps_what_it_holds, setup),
        cmocka_unit_test_setup(max_is_exact, setup),
        cmocka_unit_test_setup(max_zero_holds_nothing, setup),
        cmocka_unit_test_setup(huge_max_does_not_overflow, setup),
        cmocka_unit_test_setup(drop_truncate_clear, setup),
        cmocka_unit_test_setup(moves_down_rather_than_grow, setup),
        cmocka_unit_test_setup(a_trickle_through_a_full_buffer_moves_little, setup),
        cmocka_unit_test_setup(full_to_max_behind_dropped_bytes, setup),
        cmocka_unit_test_setup(release_gives_back_and_keeps_max, setup),
        cmocka_unit_test_setup(nothing_changes_when_memory_is_out, setup),
        cmocka_unit_test_setup(random_queue_matches_a_counter, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
