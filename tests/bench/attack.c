/* Look-ups among names that somebody chose who has read the source: sets of names that would all
 * begin at the same slot of a table with a seed that he guessed, and of a table without a seed. */
#include "suite.h"

#include "lookup_tables.h"
#include "names.h"

#include "dispatch/names.h"

#include <stdlib.h>

#define SET     256               /* names in a set: a table of 512 slots */
#define SLOTS   512               /* of that table */
#define DRAWN   (SLOTS * SET * 2) /* names to choose from: about 512 for each slot */
#define GUESSES 2                 /* seeds; each makes SLOTS sets */

/* How many slots a look-up of each name of the set looks at, at most. */
static size_t longest_probe(const struct evd_names *names, const struct evd_slice *set)
{
    size_t longest = 0;
    for (size_t i = 0; i < SET; i++) {
        uint64_t hash = evd_names_hash(names, set[i]);
        size_t probe = 1;
        while (names->slots[(hash + probe - 1) & names->mask].tag != hash >> 32)
            probe++;
        longest = probe > longest ? probe : longest;
    }
    return longest;
}

static int build(struct evd_names *table, const struct evd_slice *set)
{
    int rc = EVD_OK;
    evd_names_init(table, 0);
    for (size_t i = 0; i < SET && rc >= 0; i++)
        rc = evd_names_put(table, set[i], "");
    return rc;
}

/* Sorts names by the slot they begin at, by `hashes`; set number s begins at ret_sets[s * SET], or
 * its first name is NULL where there are too few. */
static void choose_sets(const struct evd_slice *names, const uint64_t *hashes,
                        struct evd_slice *ret_sets)
{
    size_t filled[SLOTS] = {0};
    for (size_t i = 0; i < DRAWN; i++) {
        size_t slot = hashes[i] & (SLOTS - 1);
        if (filled[slot] < SET)
            ret_sets[slot * SET + filled[slot]++] = names[i];
    }
    for (size_t slot = 0; slot < SLOTS; slot++) {
        if (filled[slot] < SET)
            ret_sets[slot * SET].ptr = NULL;
    }
}

/* What the names would hash to if the guess were right. */
static void hashes_by_guess(const struct bench_names *drawn, uint64_t *ret_hashes)
{
    struct evd_names guessed;
    evd_names_init(&guessed, 0);
    for (size_t i = 0; i < DRAWN; i++)
        ret_hashes[i] = evd_names_hash(&guessed, drawn->list[i]);
    evd_names_release(&guessed);
}

struct attack {
    bool fnv;
};

struct room {
    struct bench_names drawn;
    uint64_t *hashes;
    struct evd_slice *sets;
    struct evd_slice worst[SET];
    size_t tried, longest; /* sets; slots that one look-up looks at, in the worst of them */
};

/* Builds a table of each set; keeps in *ret_table the one with the longest probe. */
static int try_sets(struct room *room, struct evd_names *ret_table)
{
    for (size_t s = 0; s < SLOTS; s++) {
        struct evd_names table;
        if (room->sets[s * SET].ptr == NULL)
            continue;
        int rc = build(&table, &room->sets[s * SET]);
        size_t longest = rc >= 0 ? longest_probe(&table, &room->sets[s * SET]) : 0;
        room->tried++;
        if (longest > room->longest) {
            room->longest = longest;
            memcpy(room->worst, &room->sets[s * SET], sizeof room->worst);
            evd_names_release(ret_table);
            *ret_table = table;
        } else {
            evd_names_release(&table);
        }
        if (rc < 0)
            return rc;
    }
    return EVD_OK;
}

static void attack_evd(struct evd_bench *bench, struct room *room)
{
    struct evd_names table = {0};
    int rc = EVD_OK;
    for (size_t guess = 0; guess < GUESSES && rc >= 0; guess++) {
        hashes_by_guess(&room->drawn, room->hashes);
        choose_sets(room->drawn.list, room->hashes, room->sets);
        rc = try_sets(room, &table);
    }
    if (rc < 0 || room->tried < SLOTS)
        evd_bench_fail(bench, "the sets cannot be made");
    while (evd_bench_next_batch(bench, SET)) {
        for (size_t i = 0; i < SET; i++)
            evd_bench_use(evd_names_get(&table, room->worst[i]));
    }
    evd_bench_counter(bench, "sets_tried", (double)room->tried);
    evd_bench_counter(bench, "longest_probe", (double)room->longest);
    evd_names_release(&table);
}

/* Nothing to guess: the first set does. */
static void attack_fnv(struct evd_bench *bench, struct room *room)
{
    struct bench_fnv table = {0};
    for (size_t i = 0; i < DRAWN; i++)
        room->hashes[i] = bench_fnv_hash(room->drawn.list[i]);
    choose_sets(room->drawn.list, room->hashes, room->sets);
    if (room->sets[0].ptr == NULL || bench_fnv_build(room->sets, SET, &table) < 0)
        evd_bench_fail(bench, "the set cannot be made");
    while (evd_bench_next_batch(bench, SET)) {
        for (size_t i = 0; i < SET; i++)
            evd_bench_use(bench_fnv_get(&table, room->sets[i]));
    }
    evd_bench_counter(bench, "sets_tried", 1);
    evd_bench_counter(bench, "longest_probe", SET);
    bench_fnv_release(&table);
}

static void attack(struct evd_bench *bench, void *arg)
{
    const struct attack *which = arg;
    struct room room = {.hashes = calloc(DRAWN, sizeof *room.hashes),
                        .sets = calloc((size_t)SLOTS * SET, sizeof *room.sets)};
    int rc = bench_names_draw(BENCH_NAMES_SEED + 2, DRAWN, &room.drawn);
    if (rc < 0 || room.hashes == NULL || room.sets == NULL)
        evd_bench_fail(bench, "out of memory");
    else if (which->fnv)
        attack_fnv(bench, &room);
    else
        attack_evd(bench, &room);
    evd_bench_items(bench, 1);
    bench_names_release(&room.drawn);
    free(room.hashes);
    free(room.sets);
}

void bench_add_attacks(struct bench_suite *suite)
{
    struct attack seeded = {.fnv = false}, plain = {.fnv = true};
    bench_add(suite, attack, &seeded, sizeof seeded, "lookup/evd_names/attack:%d", SET);
    bench_add(suite, attack, &plain, sizeof plain, "lookup/fnv1a/attack:%d", SET);
}
