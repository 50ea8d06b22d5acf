/* tree.h: cJSON's trees in a call's arena. */
#include "dispatch/tree.h"

#include "dispatch_test.h"
#include "test_memory.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)

struct fixture {
    struct evd_arena_cache cache;
    struct evd_arena arena;
    struct evd_error error;
    const cJSON *tree;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    test_memory.held = 1; /* the fixture */
    evd_tree_init();
    evd_arena_init(&f->arena, &f->cache, 16 * MIB);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    evd_arena_reset(&f->arena);
    evd_arena_cache_release(&f->cache);
    free(f);
    return test_memory.held == 0 ? 0 : -1;
}

static int parse(struct fixture *f, const char *text)
{
    f->tree = NULL;
    return evd_tree_parse(&f->arena, evd_slice_text(text), 64, &f->tree, &f->error);
}

/* [0,1,2,...]: a tree of `count` nodes, each of them 64 bytes of cJSON's and more. */
static char *numbers(size_t count)
{
    char *text = malloc(count * 12 + 3), *out = text;
    assert_non_null(text);
    *out++ = '[';
    for (size_t i = 0; i < count; i++)
        out += sprintf(out, "%s%zu", i == 0 ? "" : ",", i);
    (void)strcpy(out, "]");
    return text;
}

static void text_becomes_a_tree_and_text_again(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "{\"a\":[1,true,null,\"\xc3\xa4\"],\"b\":{\"c\":-2.5}}";
    struct evd_slice printed;

    assert_int_equal(parse(f, " {\"a\": [1, true, null, \"\\u00e4\"], \"b\": {\"c\": -25e-1}} "),
                     EVD_OK);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(f->tree, "a")), 4);
    assert_int_equal(evd_tree_print(&f->arena, f->tree, &printed), EVD_OK);
    assert_int_equal(printed.len, strlen(text));
    assert_memory_equal(printed.ptr, text, printed.len);
}

static void text_needs_no_end(void **state)
{
    struct fixture *f = *state;
    /* A block of its own, so that a sanitizer sees a read past it. */
    char *text = malloc(3);
    assert_non_null(text);
    memcpy(text, "123", 3);
    assert_int_equal(evd_tree_parse(&f->arena, evd_slice(text, 3), 64, &f->tree, &f->error),
                     EVD_OK);
    assert_true(f->tree->valuedouble == 123);
    free(text);
}

static void empty_text_is_null(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(evd_tree_parse(&f->arena, evd_slice(NULL, 0), 64, &f->tree, &f->error),
                     EVD_OK);
    assert_true(cJSON_IsNull(f->tree));
}

static void a_tree_lives_as_long_as_its_arena(void **state)
{
    struct fixture *f = *state;
    const cJSON *trees[50];
    char text[32];
    for (int i = 0; i < 50; i++) {
        (void)snprintf(text, sizeof text, "{\"name\":\"n%d\",\"n\":%d}", i, i);
        assert_int_equal(parse(f, text), EVD_OK);
        trees[i] = f->tree;
        memset(text, 'x', sizeof text); /* nothing of the text is borrowed */
        assert_int_equal(parse(f, "{\"broken\":"), EVD_ERR_BAD_DATA);
        struct evd_slice printed;
        assert_int_equal(evd_tree_print(&f->arena, trees[i / 2], &printed), EVD_OK);
    }
    for (int i = 0; i < 50; i++) {
        (void)snprintf(text, sizeof text, "n%d", i);
        assert_string_equal(cJSON_GetObjectItem(trees[i], "name")->valuestring, text);
        assert_int_equal(cJSON_GetObjectItem(trees[i], "n")->valueint, i);
    }
}

static void bad_text_is_told_by_its_offset(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *at;
    } cases[] = {
        {"{\"a\":1,}", "byte 7"}, {"[1,2", "byte 4"},     {"nul", "byte"},
        {"[1] 2", "byte 4"},      {"\"\x01\"", "byte 1"}, {"{'a'}", "byte 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&f->error, 0, sizeof f->error);
        assert_int_equal(parse(f, cases[i].text), EVD_ERR_BAD_DATA);
        assert_int_equal(f->error.status, EVD_ERR_BAD_DATA);
        if (strstr(f->error.text, cases[i].at) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, f->error.text, cases[i].at);
        assert_null(f->tree);
    }
    assert_int_equal(evd_tree_parse(&f->arena, EVD_SLICE("[[[1]]]"), 2, &f->tree, &f->error),
                     EVD_ERR_BAD_DATA);
    assert_non_null(strstr(f->error.text, "deep"));
}

static void a_tree_beyond_max_is_refused_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    char *text = numbers(100 * 1000);
    evd_arena_init(&f->arena, &f->cache, MIB);
    assert_int_equal(parse(f, text), EVD_ERR_NO_MEMORY);
    assert_int_equal(f->error.status, EVD_ERR_NO_MEMORY);
    assert_non_null(strstr(f->error.text, "1048576"));
    assert_true(f->arena.held <= MIB);

    /* Memory goes back with the reset, and the same arena serves again. */
    evd_arena_reset(&f->arena);
    assert_int_equal(parse(f, "[1]"), EVD_OK);
    evd_arena_reset(&f->arena);
    evd_arena_init(&f->arena, &f->cache, 64 * MIB);
    assert_int_equal(parse(f, text), EVD_OK);
    assert_int_equal(cJSON_GetArraySize(f->tree), 100 * 1000);
    free(text);
}

static void a_print_beyond_max_is_refused(void **state)
{
    struct fixture *f = *state;
    struct evd_arena small;
    struct evd_slice printed = {0};
    char *text = numbers(10 * 1000);
    assert_int_equal(parse(f, text), EVD_OK);
    evd_arena_init(&small, &f->cache, 4 * KIB);
    assert_int_equal(evd_tree_print(&small, f->tree, &printed), EVD_ERR_NO_MEMORY);
    assert_null(printed.ptr);
    evd_arena_reset(&small);
    assert_int_equal(evd_tree_print(&f->arena, f->tree, &printed), EVD_OK);
    assert_int_equal(printed.len, strlen(text));
    assert_memory_equal(printed.ptr, text, printed.len);
    free(text);
}

/* What a module makes with cJSON itself is malloc's, also while a call's tree is in use. */
static void trees_of_a_modules_own_are_mallocs(void **state)
{
    struct fixture *f = *state;
    struct evd_slice printed;
    assert_int_equal(parse(f, "[1]"), EVD_OK);
    const struct evd_arena_chunk *chunks = f->arena.chunks;
    size_t held_by_arena = f->arena.held;
    long held = test_memory.held;

    test_memory_fail(0, 0);
    cJSON *own = cJSON_CreateObject();
    assert_non_null(cJSON_AddStringToObject(own, "text", "a text"));
    assert_true(test_memory.asked >= 4); /* two nodes, a key, a text */
    assert_true(test_memory.held > held);
    assert_int_equal(evd_tree_print(&f->arena, own, &printed), EVD_OK);
    evd_arena_reset(&f->arena);
    assert_string_equal(cJSON_GetObjectItem(own, "text")->valuestring, "a text");
    cJSON_Delete(own);
    assert_int_equal(held_by_arena, EVD_ARENA_CHUNK);
    assert_non_null(chunks);
    assert_int_equal(test_memory.held, held);
}

static void no_memory_is_asked_for_in_steady_state(void **state)
{
    struct fixture *f = *state;
    struct evd_slice printed;
    char *text = numbers(5000);
    for (int round = 0; round < 20; round++) {
        test_memory_fail(0, 0);
        assert_int_equal(parse(f, text), EVD_OK);
        assert_int_equal(evd_tree_print(&f->arena, f->tree, &printed), EVD_OK);
        evd_arena_reset(&f->arena);
        if (round > 0)
            assert_int_equal(test_memory.asked, 0);
    }
    free(text);
}

static void every_allocation_may_fail(void **state)
{
    struct fixture *f = *state;
    char *text = numbers(5000);
    size_t refused = 0;
    for (size_t nth = 1;; nth++) {
        struct evd_slice printed;
        test_memory_fail(nth, nth);
        int rc = parse(f, text);
        if (rc >= 0)
            rc = evd_tree_print(&f->arena, f->tree, &printed);
        assert_true(rc == EVD_OK || rc == EVD_ERR_NO_MEMORY);
        bool failed = test_memory.asked >= nth;
        assert_int_equal(rc == EVD_ERR_NO_MEMORY, failed);
        evd_arena_reset(&f->arena);
        evd_arena_cache_release(&f->cache);
        if (!failed)
            break;
        refused++;
    }
    test_memory_fail(0, 0);
    assert_true(refused >= 5);
    free(text);
}

/* ---- Two threads at once: nothing is shared. ---- */

static void *parse_many(void *mark)
{
    struct evd_arena_cache cache = {0};
    struct evd_arena arena;
    char text[64];
    const char *name = mark;
    size_t wrong = 0;

    evd_arena_init(&arena, &cache, MIB);
    for (int i = 0; i < 2000; i++) {
        const cJSON *tree;
        struct evd_slice printed;
        (void)snprintf(text, sizeof text, "{\"%s\":[%d,\"%s\"]}", name, i, name);
        wrong += evd_tree_parse(&arena, evd_slice_text(text), 8, &tree, NULL) != EVD_OK;
        wrong += evd_tree_print(&arena, tree, &printed) != EVD_OK;
        wrong += !evd_slice_equal(printed, evd_slice_text(text));
        cJSON *own = cJSON_CreateString(name);
        wrong += own == NULL;
        wrong += evd_tree_parse(&arena, EVD_SLICE("[1,]"), 8, &tree, NULL) != EVD_ERR_BAD_DATA;
        cJSON_Delete(own);
        evd_arena_reset(&arena);
    }
    evd_arena_cache_release(&cache);
    wrong += test_memory.held != 0;
    return (void *)(uintptr_t)wrong;
}

static void two_threads_do_not_meet(void **state)
{
    (void)state;
    pthread_t threads[2];
    static char names[2][4] = {"one", "two"};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, parse_many, names[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_int_equal((uintptr_t)wrong, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_becomes_a_tree_and_text_again),
        TEST(text_needs_no_end),
        TEST(empty_text_is_null),
        TEST(a_tree_lives_as_long_as_its_arena),
        TEST(bad_text_is_told_by_its_offset),
        TEST(a_tree_beyond_max_is_refused_and_nothing_is_lost),
        TEST(a_print_beyond_max_is_refused),
        TEST(trees_of_a_modules_own_are_mallocs),
        TEST(no_memory_is_asked_for_in_steady_state),
        TEST(every_allocation_may_fail),
        TEST(two_threads_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
