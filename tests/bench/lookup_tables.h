/* The ways of looking up a name that evd_names is compared with. Each get is a function of another
 * file than its caller's, as evd_names_get() is. The bytes of the names are borrowed. */
#ifndef BENCH_LOOKUP_TABLES_H
#define BENCH_LOOKUP_TABLES_H

#include "dispatch/message.h"

#include <stdint.h>

/* FNV-1a (Fowler, Noll, Vo), 64 bit, without a seed: open addressing at half load or less. */
struct bench_fnv {
    struct bench_fnv_slot {
        uint64_t hash;
        const char *name; /* NULL: free */
        size_t len;
    } * slots; /* owned */
    size_t mask;
};

int bench_fnv_build(const struct evd_slice *names, size_t count, struct bench_fnv *ret_table);
void bench_fnv_release(struct bench_fnv *table);
const void *bench_fnv_get(const struct bench_fnv *table, struct evd_slice name);
uint64_t bench_fnv_hash(struct evd_slice name);

/* A list of names: sorted and cut in halves, or in any order and gone through with strcmp(). */
struct bench_list {
    struct evd_slice *list; /* owned; each name is NUL-terminated */
    size_t count;
};

int bench_list_build(const struct evd_slice *names, size_t count, struct bench_list *ret_table);
void bench_list_sort(struct bench_list *table);
void bench_list_release(struct bench_list *table);
const void *bench_list_binary(const struct bench_list *table, struct evd_slice name);
const void *bench_list_linear(const struct bench_list *table, struct evd_slice name);

#endif
