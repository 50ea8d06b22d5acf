/* arena.h: memory of one call. */
#include "dispatch/arena.h"

#include "dispatch_test.h"
#include "test_memory.h"

#include <stdalign.h>
#include <string.h>

#define MIB ((size_t)1024 * 1024)

static const size_t sizes[] = {0, 1, 7, 8, 15, 16, 17, 63, 255, 4096, 65520, 65536, 65537, 300000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static int setup(void **state)
{
    (void)state;
    test_memory = (struct test_memory){0};
    return 0;
}

static void blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    struct evd_arena_cache cache = {0};
    struct evd_arena arena;
    unsigned char *blocks[SIZES * 4];

    evd_arena_init(&arena, &cache, 64 * MIB);
    for (size_t i = 0; i < SIZES * 4; i++) {
        blocks[i] = evd_arena_alloc(&arena, sizes[i % SIZES]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        memset(blocks[i], (int)(i + 1), sizes[i % SIZES]);
    }
    for (size_t i = 0; i < SIZES * 4; i++)
        for (size_t at = 0; at < sizes[i % SIZES]; at++)
            assert_int_equal(blocks[i][at], i + 1);
    evd_arena_reset(&arena);
    evd_arena_cache_release(&cache);
}

static size_t fill(struct evd_arena *arena, size_t size)
{
    size_t total = 0;
    void *block;
    while ((block = evd_arena_alloc(arena, size)) != NULL) {
        memset(block, 0xA5, size);
        total += size;
        assert_true(arena->held <= arena->max);
    }
    return total;
}

static void never_holds_more_than_max(void **state)
{
    (void)state;
    static const size_t maxima[] = {0,     1,     16,      100,         1000,      65535,
                                    65536, 65537, 3 * MIB, 3 * MIB + 5, 100 * 1000};
    for (size_t m = 0; m < sizeof maxima / sizeof *maxima; m++) {
        for (size_t i = 1; i < SIZES; i++) {
            struct evd_arena_cache cache = {0};
            struct evd_arena arena;
            evd_arena_init(&arena, &cache, maxima[m]);
            size_t total = fill(&arena, sizes[i]);
            assert_true(total <= maxima[m]);
            assert_true(arena.held <= maxima[m]);
            if (sizes[i] % 16 == 0 && sizes[i] <= maxima[m])
                assert_true(total >= sizes[i]);
            evd_arena_reset(&arena);
            assert_int_equal(fill(&arena, sizes[i]), total);
            evd_arena_reset(&arena);
            evd_arena_cache_release(&cache);
        }
    }
}

static void most_of_max_can_be_used(void **state)
{
    (void)state;
    struct evd_arena_cache cache = {0};
    struct evd_arena arena;
    evd_arena_init(&arena, &cache, 3 * MIB + 5);
    assert_int_equal(fill(&arena, 64), 3 * MIB);
    evd_arena_reset(&arena);
    evd_arena_init(&arena, &cache, 1000);
    assert_int_equal(fill(&arena, 32), 992);
    evd_arena_reset(&arena);
    evd_arena_cache_release(&cache);
}

static void what_is_larger_than_any_memory_is_refused(void **state)
{
    (void)state;
    struct evd_arena_cache cache = {0};
    struct evd_arena arena;
    evd_arena_init(&arena, &cache, SIZE_MAX);
    for (size_t less = 0; less < 64; less++)
        assert_null(evd_arena_alloc(&arena, SIZE_MAX - less));
    assert_non_null(evd_arena_alloc(&arena, 1));
    evd_arena_reset(&arena);
    evd_arena_cache_release(&cache);
}

static void chunks_are_used_again(void **state)
{
    (void)state;
    struct evd_arena_cache cache = {0};
    struct evd_arena arena, other;
    evd_arena_init(&arena, &cache, 4 * MIB);
    evd_arena_init(&other, &cache, 4 * MIB);
    for (int round = 0; round < 100; round++) {
        test_memory_fail(0, 0);
        for (int i = 0; i < 1000; i++) {
            assert_non_null(evd_arena_alloc(&arena, 200));
            assert_non_null(evd_arena_alloc(&other, 100));
        }
        if (round > 0)
            assert_int_equal(test_memory.asked, 0);
        evd_arena_reset(&arena);
        evd_arena_reset(&other);
        if (round > 0)
            assert_int_equal(test_memory.freed, 0);
    }
    evd_arena_cache_release(&cache);
    assert_int_equal(test_memory.held, 0);
}

static void the_cache_is_bounded(void **state)
{
    (void)state;
    struct evd_arena_cache cache = {0};
    struct evd_arena arena;
    evd_arena_init(&arena, &cache, 64 * MIB);
    (void)fill(&arena, 1000);
    assert_true(arena.held > EVD_ARENA_CACHE_MAX * (size_t)EVD_ARENA_CHUNK);
    evd_arena_reset(&arena);
    assert_int_equal(cache.count, EVD_ARENA_CACHE_MAX);
    assert_int_equal(test_memory.held, EVD_ARENA_CACHE_MAX);
    evd_arena_cache_release(&cache);
    assert_int_equal(cache.count, 0);
    assert_null(cache.spare);
    assert_int_equal(test_memory.held, 0);
}

static void chunks_of_another_size_are_not_kept(void **state)
{
    (void)state;
    struct evd_arena_cache cache = {0};
    struct evd_arena arena;
    evd_arena_init(&arena, &cache, 64 * MIB);
    assert_non_null(evd_arena_alloc(&arena, 10 * MIB));
    evd_arena_reset(&arena);
    evd_arena_init(&arena, &cache, 1000);
    assert_non_null(evd_arena_alloc(&arena, 100));
    evd_arena_reset(&arena);
    assert_int_equal(cache.count, 0);
    assert_int_equal(test_memory.held, 0);
}

static void after_a_reset_it_is_as_new(void **state)
{
    (void)state;
    struct evd_arena_cache cache = {0};
    struct evd_arena arena;
    evd_arena_init(&arena, &cache, MIB);
    evd_arena_reset(&arena);
    (void)fill(&arena, 5000);
    evd_arena_reset(&arena);
    assert_int_equal(arena.held, 0);
    assert_null(arena.chunks);
    assert_int_equal(arena.max, MIB);
    assert_non_null(evd_arena_alloc(&arena, MIB / 2));
    evd_arena_reset(&arena);
    evd_arena_cache_release(&cache);
    assert_int_equal(test_memory.held, 0);
}

static void memory_out_leaves_the_arena_whole(void **state)
{
    (void)state;
    struct evd_arena_cache cache = {0};
    struct evd_arena arena;
    evd_arena_init(&arena, &cache, MIB);
    char *block = evd_arena_alloc(&arena, 60 * 1024);
    assert_non_null(block);
    memset(block, 'x', 60 * 1024);
    test_memory_fail(1, SIZE_MAX);
    assert_null(evd_arena_alloc(&arena, 60 * 1024));
    assert_null(evd_arena_alloc(&arena, 100 * 1024));
    assert_non_null(evd_arena_alloc(&arena, 1024)); /* what is left of the first chunk */
    test_memory_fail(0, 0);
    assert_non_null(evd_arena_alloc(&arena, 60 * 1024));
    for (size_t i = 0; i < 60 * 1024; i++)
        assert_int_equal(block[i], 'x');
    evd_arena_reset(&arena);
    evd_arena_cache_release(&cache);
    assert_int_equal(test_memory.held, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks_are_aligned_and_apart),
        TEST(never_holds_more_than_max),
        TEST(most_of_max_can_be_used),
        TEST(what_is_larger_than_any_memory_is_refused),
        TEST(chunks_are_used_again),
        TEST(the_cache_is_bounded),
        TEST(chunks_of_another_size_are_not_kept),
        TEST(after_a_reset_it_is_as_new),
        TEST(memory_out_leaves_the_arena_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
