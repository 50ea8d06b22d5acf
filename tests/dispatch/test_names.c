/* names.h: the table of names, and which names are valid. */
#include "dispatch/names.h"

#include "dispatch_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 10000

static char many[MANY][32];
#define NONE UINT64_MAX

static void write_names(void)
{
    for (size_t i = 0; i < MANY; i++)
        (void)snprintf(many[i], sizeof many[i], "api.module_%zu.f%zu", i / 10, i * 7919 % MANY);
}

/* The value of a name is a number. */
static void put(struct evd_names *names, struct evd_slice name, uint64_t value)
{
    assert_int_equal(evd_names_put(names, name, &value), EVD_OK);
}

static uint64_t get(const struct evd_names *names, struct evd_slice name)
{
    const uint64_t *value = evd_names_get(names, name);
    return value != NULL ? *value : NONE;
}

static void fill(struct evd_names *names)
{
    for (size_t i = 0; i < MANY; i++)
        put(names, evd_slice_text(many[i]), i);
}

static void finds_each_of_ten_thousand_names(void **state)
{
    (void)state;
    struct evd_names names;
    write_names();
    evd_names_init(&names, sizeof(uint64_t));
    fill(&names);
    assert_int_equal(names.count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        char copy[33]; /* elsewhere in memory, with other bytes behind it */
        memset(copy, 'x', sizeof copy);
        memcpy(copy, many[i], strlen(many[i]));
        assert_int_equal(get(&names, evd_slice(copy, strlen(many[i]))), i);
    }
    evd_names_release(&names);
}

static void keeps_half_of_its_slots_free(void **state)
{
    (void)state;
    struct evd_names names;
    write_names();
    evd_names_init(&names, sizeof(uint64_t));
    for (size_t i = 0; i < MANY; i++) {
        put(&names, evd_slice_text(many[i]), i);
        assert_true(names.count * 2 <= names.mask + 1);
    }
    evd_names_release(&names);
}

static void does_not_find_what_was_not_put(void **state)
{
    (void)state;
    struct evd_names names;
    write_names();
    evd_names_init(&names, sizeof(uint64_t));
    fill(&names);
    for (size_t i = 0; i < MANY; i++) {
        char other[40];
        assert_int_not_equal(get(&names, evd_slice(many[i], strlen(many[i]) - 1)), i);
        (void)snprintf(other, sizeof other, "%s!", many[i]);
        assert_null(evd_names_get(&names, evd_slice_text(other)));
        (void)snprintf(other, sizeof other, "%s", many[i]);
        other[0] = 'A';
        assert_null(evd_names_get(&names, evd_slice_text(other)));
    }
    assert_null(evd_names_get(&names, evd_slice("", 0)));
    assert_null(evd_names_get(&names, evd_slice(NULL, 0)));
    evd_names_release(&names);
}

/* Lengths around the strides of the hash: each is another path through it. */
static void tells_names_apart_at_every_length(void **state)
{
    (void)state;
    struct evd_names names;
    static char text[EVD_EVENT_MAX + 1];
    memset(text, 'a', EVD_EVENT_MAX);
    evd_names_init(&names, sizeof(uint64_t));
    for (size_t len = 1; len <= EVD_EVENT_MAX; len++)
        put(&names, evd_slice(text, len), len);
    for (size_t len = 1; len <= EVD_EVENT_MAX; len++) {
        assert_int_equal(get(&names, evd_slice(text, len)), len);
        char other[EVD_EVENT_MAX];
        memcpy(other, text, len);
        for (size_t at = 0; at < len; at++) {
            other[at] = 'b';
            assert_null(evd_names_get(&names, evd_slice(other, len)));
            other[at] = 'a';
        }
    }
    evd_names_release(&names);
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void assert_all_different(uint64_t *hashes, size_t count)
{
    qsort(hashes, count, sizeof *hashes, compare_hashes);
    for (size_t i = 1; i < count; i++)
        assert_true(hashes[i - 1] != hashes[i]);
}

/* Where the hashes of two names are as good as equal, the texts tell them apart: at every byte. */
static void every_byte_is_compared(void **state)
{
    (void)state;
    char text[EVD_EVENT_MAX];
    for (size_t len = 1; len <= EVD_EVENT_MAX; len++) {
        struct evd_names names;
        struct evd_slice name = evd_slice(text, len);
        memset(text, 'a', len);
        evd_names_init(&names, sizeof(uint64_t));
        put(&names, name, len);
        for (size_t at = 0; at <= len; at++) { /* at len: it is the name itself */
            if (at < len)
                text[at] = 'b';
            uint64_t hash = evd_names_hash(&names, name);
            memset(names.slots, 0, (names.mask + 1) * sizeof *names.slots);
            names.slots[hash & names.mask] =
                (struct evd_names_slot){.tag = (uint32_t)(hash >> 32), .line = 1};
            assert_true(get(&names, name) == (at < len ? NONE : len));
            text[at < len ? at : 0] = 'a';
        }
        evd_names_release(&names);
    }
}

/* A byte that the hash does not see would let names be chosen that collide. */
static void every_byte_reaches_the_hash(void **state)
{
    (void)state;
    char text[EVD_EVENT_MAX];
    uint64_t hashes[EVD_EVENT_MAX];
    for (size_t len = 1; len <= EVD_EVENT_MAX; len++) {
        struct evd_names names;
        evd_names_init(&names, sizeof(uint64_t));
        for (size_t at = 0; at < len; at++) {
            memset(text, 'a', len);
            text[at] = 'b';
            hashes[at] = evd_names_hash(&names, evd_slice(text, len));
        }
        assert_all_different(hashes, len);
        evd_names_release(&names);
    }
}

/* The constants of the hash are in the source: a name that holds one must not get rid of the seed,
 * and with it of the bytes beside. */
static void no_bytes_hide_others_from_the_hash(void **state)
{
    (void)state;
    static const uint64_t constants[] = {0xa0761d6478bd642f, 0xe7037ed1a0b428db};
    for (size_t which = 0; which < 4; which++) {
        struct evd_names names;
        uint64_t hashes[64];
        evd_names_init(&names, sizeof(uint64_t));
        for (size_t i = 0; i < 64; i++) {
            char text[40];
            memset(text, 'a', sizeof text);
            memcpy(text + (which & 1) * 8, &constants[which / 2], 8);
            text[(which & 1) == 0 ? 8 : 0] = (char)i;
            hashes[i] = evd_names_hash(&names, evd_slice(text, sizeof text));
        }
        assert_all_different(hashes, 64);
        evd_names_release(&names);
    }
}

/* A measurement that must come out the same each time draws nothing. */
static void a_given_seed_gives_the_same_table(void **state)
{
    (void)state;
    struct evd_names a, b, c;
    evd_names_init_seeded(&a, sizeof(uint64_t), 7);
    evd_names_init_seeded(&b, sizeof(uint64_t), 7);
    evd_names_init_seeded(&c, sizeof(uint64_t), 8);
    write_names();
    fill(&a);
    fill(&b);
    fill(&c);
    size_t differences = 0;
    for (size_t i = 0; i <= a.mask; i++) {
        assert_int_equal(a.slots[i].line, b.slots[i].line);
        differences += a.slots[i].line != c.slots[i].line;
    }
    assert_true(differences > MANY);
    evd_names_release(&a);
    evd_names_release(&b);
    evd_names_release(&c);
}

static void a_second_put_replaces_the_value(void **state)
{
    (void)state;
    struct evd_names names;
    evd_names_init(&names, sizeof(uint64_t));
    put(&names, EVD_SLICE("api.a"), 0);
    put(&names, EVD_SLICE("api.b"), 1);
    put(&names, EVD_SLICE("api.a"), 2);
    assert_int_equal(names.count, 2);
    assert_int_equal(get(&names, EVD_SLICE("api.a")), 2);
    assert_int_equal(get(&names, EVD_SLICE("api.b")), 1);
    evd_names_release(&names);
}

/* What a call touches is counted in cache lines: eight slots to one, and one for a usual record. */
static void a_record_begins_with_a_cache_line_and_is_mostly_one(void **state)
{
    (void)state;
    struct evd_names names;
    char text[EVD_EVENT_MAX];
    memset(text, 'a', sizeof text);
    assert_int_equal(sizeof(struct evd_names_slot), 8);
    evd_names_init(&names, 24);
    for (size_t len = 1; len <= EVD_EVENT_MAX; len++) {
        const uint64_t value[3] = {len, len, len};
        size_t before = names.lines_used;
        assert_int_equal(evd_names_put(&names, evd_slice(text, len), value), EVD_OK);
        assert_int_equal(names.lines_used - before, (24 + 1 + len + 63) / 64);
    }
    for (size_t len = 1; len <= EVD_EVENT_MAX; len++) {
        const uint64_t *value = evd_names_get(&names, evd_slice(text, len));
        assert_int_equal((uintptr_t)value % 64, 0);
        assert_true(value[0] == len && value[1] == len && value[2] == len);
    }
    evd_names_release(&names);
}

/* The length is kept in one byte: one that does not fit is refused, not cut. */
static void a_name_that_is_too_long_is_refused(void **state)
{
    (void)state;
    struct evd_names names;
    static char text[2 * EVD_EVENT_MAX + 2];
    const uint64_t value = 1;
    memset(text, 'a', sizeof text);
    evd_names_init(&names, sizeof value);
    put(&names, evd_slice(text, 1), 1);
    put(&names, evd_slice(text, EVD_EVENT_MAX), EVD_EVENT_MAX);
    for (size_t len = EVD_EVENT_MAX + 1; len <= sizeof text; len++) {
        assert_int_equal(evd_names_put(&names, evd_slice(text, len), &value), EVD_ERR_TOO_LARGE);
        assert_null(evd_names_get(&names, evd_slice(text, len)));
    }
    assert_int_equal(names.count, 2);
    evd_names_release(&names);
}

static void an_empty_table_finds_nothing(void **state)
{
    (void)state;
    struct evd_names names;
    evd_names_init(&names, sizeof(uint64_t));
    assert_null(names.slots);
    assert_null(evd_names_get(&names, EVD_SLICE("api.a")));
    assert_null(evd_names_get(&names, evd_slice(NULL, 0)));
    evd_names_release(&names);
    evd_names_release(&names);
    assert_null(evd_names_get(&names, EVD_SLICE("api.a")));
}

/* Somebody who knows the source still cannot choose names that collide. */
static void two_tables_hash_by_different_seeds(void **state)
{
    (void)state;
    struct evd_names a, b;
    size_t equal_hash = 0, equal_slot = 0;
    write_names();
    evd_names_init(&a, sizeof(uint64_t));
    evd_names_init(&b, sizeof(uint64_t));
    assert_true(a.seed != b.seed);
    fill(&a);
    fill(&b);
    assert_int_equal(a.mask, b.mask);
    for (size_t i = 0; i <= a.mask; i++)
        equal_slot += a.slots[i].line != 0 && a.slots[i].line == b.slots[i].line;
    for (size_t i = 0; i < MANY; i++) {
        struct evd_slice name = evd_slice_text(many[i]);
        equal_hash += evd_names_hash(&a, name) == evd_names_hash(&b, name);
    }
    assert_int_equal(equal_hash, 0);
    assert_true(equal_slot < 64); /* one in 32,768 slots by chance */
    evd_names_release(&a);
    evd_names_release(&b);
}

static void no_cluster_of_slots_is_long(void **state)
{
    (void)state;
    struct evd_names names;
    size_t run = 0, longest = 0;
    write_names();
    evd_names_init(&names, sizeof(uint64_t));
    fill(&names);
    for (size_t i = 0; i <= names.mask; i++) {
        run = names.slots[i].line != 0 ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    /* At a load of 0.31 a random hash gives about 12; a poor one gives hundreds. */
    assert_true(longest < 64);
    evd_names_release(&names);
}

/* ---- Which names are valid. ---- */

static int allowed(unsigned byte)
{
    return byte != 0 && byte < 128 &&
           strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", (int)byte) !=
               NULL;
}

static void every_byte_in_every_position(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 5; len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char name[5] = {'a', 'Z', '0', '_', '-'};
                name[at] = (char)byte;
                int inner_dot = byte == '.' && at > 0 && at + 1 < len;
                assert_int_equal(!!evd_name_is_valid(evd_slice(name, len)),
                                 allowed(byte) || inner_dot);
            }
        }
    }
}

static void dots_join_and_do_nothing_else(void **state)
{
    (void)state;
    static const char *const good[] = {"a.b", "a.b.c", "api.pull_request.opened", "-.-", "_._"};
    static const char *const bad[] = {".", "..", "...", ".a", "a.", "a..b", "..a", "a.b.", ".a.b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(evd_name_is_valid(evd_slice_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(evd_name_is_valid(evd_slice_text(bad[i])));
}

static void length_is_1_to_255(void **state)
{
    (void)state;
    char name[EVD_EVENT_MAX + 1];
    memset(name, 'a', sizeof name);
    assert_false(evd_name_is_valid(evd_slice(NULL, 0)));
    assert_false(evd_name_is_valid(evd_slice(name, 0)));
    assert_true(evd_name_is_valid(evd_slice(name, 1)));
    assert_true(evd_name_is_valid(evd_slice(name, 255)));
    assert_false(evd_name_is_valid(evd_slice(name, 256)));
}

/* ---- Names that are left out. ---- */

static bool is_even(const void *value)
{
    const uint64_t *number = value;
    return *number % 2 == 0;
}

static void what_is_not_kept_is_gone(void **state)
{
    (void)state;
    enum { NAMES = 1000 };
    struct evd_names names;
    char text[16];
    evd_names_init(&names, sizeof(uint64_t));
    assert_int_equal(evd_names_keep(&names, is_even), EVD_OK); /* of nothing */
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < NAMES; i++) {
            (void)snprintf(text, sizeof text, "n%u", (unsigned)i);
            assert_int_equal(evd_names_put(&names, evd_slice_text(text), &i), EVD_OK);
        }
        assert_int_equal(evd_names_keep(&names, is_even), EVD_OK);
        assert_int_equal(names.count, NAMES / 2);
        for (uint64_t i = 0; i < NAMES; i++) {
            (void)snprintf(text, sizeof text, "n%u", (unsigned)i);
            const uint64_t *found = evd_names_get(&names, evd_slice_text(text));
            assert_int_equal(found != NULL, i % 2 == 0);
            assert_true(found == NULL || *found == i);
        }
    }
    evd_names_release(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_of_ten_thousand_names),
        cmocka_unit_test(keeps_half_of_its_slots_free),
        cmocka_unit_test(does_not_find_what_was_not_put),
        cmocka_unit_test(tells_names_apart_at_every_length),
        cmocka_unit_test(every_byte_is_compared),
        cmocka_unit_test(every_byte_reaches_the_hash),
        cmocka_unit_test(no_bytes_hide_others_from_the_hash),
        cmocka_unit_test(a_given_seed_gives_the_same_table),
        cmocka_unit_test(a_second_put_replaces_the_value),
        cmocka_unit_test(a_record_begins_with_a_cache_line_and_is_mostly_one),
        cmocka_unit_test(a_name_that_is_too_long_is_refused),
        cmocka_unit_test(an_empty_table_finds_nothing),
        cmocka_unit_test(two_tables_hash_by_different_seeds),
        cmocka_unit_test(no_cluster_of_slots_is_long),
        cmocka_unit_test(every_byte_in_every_position),
        cmocka_unit_test(dots_join_and_do_nothing_else),
        cmocka_unit_test(length_is_1_to_255),
        cmocka_unit_test(what_is_not_kept_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
