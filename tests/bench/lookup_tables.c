#include "lookup_tables.h"

#include "dispatch/status.h"

#include <stdlib.h>

/* ---- FNV-1a ---- */

uint64_t bench_fnv_hash(struct evd_slice name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static struct bench_fnv_slot *fnv_slot(const struct bench_fnv *table, struct evd_slice name)
{
    uint64_t hash = bench_fnv_hash(name);
    for (size_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        struct bench_fnv_slot *slot = &table->slots[i];
        if (slot->name == NULL || (slot->hash == hash && slot->len == name.len &&
                                   memcmp(slot->name, name.ptr, name.len) == 0))
            return slot;
    }
}

int bench_fnv_build(const struct evd_slice *names, size_t count, struct bench_fnv *ret_table)
{
    size_t size = 32;
    while (size < 2 * count)
        size *= 2;
    *ret_table = (struct bench_fnv){calloc(size, sizeof *ret_table->slots), size - 1};
    if (ret_table->slots == NULL)
        return EVD_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        *fnv_slot(ret_table, names[i]) =
            (struct bench_fnv_slot){bench_fnv_hash(names[i]), names[i].ptr, names[i].len};
    return EVD_OK;
}

void bench_fnv_release(struct bench_fnv *table)
{
    free(table->slots);
    *table = (struct bench_fnv){0};
}

const void *bench_fnv_get(const struct bench_fnv *table, struct evd_slice name)
{
    return fnv_slot(table, name)->name;
}

/* ---- Lists ---- */

int bench_list_build(const struct evd_slice *names, size_t count, struct bench_list *ret_table)
{
    *ret_table = (struct bench_list){calloc(count, sizeof *ret_table->list), count};
    if (ret_table->list == NULL)
        return EVD_ERR_NO_MEMORY;
    memcpy(ret_table->list, names, count * sizeof *names);
    return EVD_OK;
}

static inline int compare(struct evd_slice a, struct evd_slice b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_slices(const void *a, const void *b)
{
    const struct evd_slice *x = a, *y = b;
    return compare(*x, *y);
}

void bench_list_sort(struct bench_list *table)
{
    qsort(table->list, table->count, sizeof *table->list, compare_slices);
}

void bench_list_release(struct bench_list *table)
{
    free(table->list);
    *table = (struct bench_list){0};
}

const void *bench_list_binary(const struct bench_list *table, struct evd_slice name)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(table->list[middle], name);
        if (order == 0)
            return &table->list[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const void *bench_list_linear(const struct bench_list *table, struct evd_slice name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->list[i].ptr, name.ptr) == 0)
            return &table->list[i];
    }
    return NULL;
}
