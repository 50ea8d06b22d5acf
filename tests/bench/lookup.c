/* How a name is found: evd_names, what dispatch uses, beside the other ways. */
#include "suite.h"

#include "lookup_gperf.h"
#include "lookup_tables.h"
#include "names.h"

#include "dispatch/names.h"

#include <dlfcn.h>
#include <stdio.h>

struct table {
    const struct bench_names *names;
    size_t count; /* of the names that are in it */
    struct evd_names evd;
    struct bench_fnv fnv;
    struct bench_list list;
    void *handle;
};

typedef const void *(*get_fn)(const struct table *table, struct evd_slice name);
typedef void (*run_fn)(struct evd_bench *bench, const struct table *table,
                       const struct bench_queries *queries);

struct way {
    const char *name;
    size_t most; /* names; 0: any number */
    int (*build)(struct table *table);
    get_fn get; /* what run() calls, known when it is compiled */
    run_fn run;
    void (*release)(struct table *table);
};

/* Inlined, and `get` with it: each way's loop calls its own look-up directly. */
static inline __attribute__((always_inline)) void run_each(struct evd_bench *bench,
                                                           const struct table *table,
                                                           const struct bench_queries *queries,
                                                           get_fn get)
{
    while (evd_bench_next_batch(bench, (int64_t)queries->count)) {
        for (size_t i = 0; i < queries->count; i++)
            evd_bench_use(get(table, queries->list[i]));
    }
}

#define RUN(ident)                                                                                 \
    static void run_##ident(struct evd_bench *bench, const struct table *table,                    \
                            const struct bench_queries *queries)                                   \
    {                                                                                              \
        run_each(bench, table, queries, get_##ident);                                              \
    }

/* ---- evd_names ---- */

static int build_evd(struct table *table)
{
    int rc = EVD_OK;
    evd_names_init(&table->evd, sizeof(const struct evd_slice *));
    for (size_t i = 0; i < table->count && rc >= 0; i++) {
        const struct evd_slice *value = &table->names->list[i];
        rc = evd_names_put(&table->evd, *value, &value);
    }
    return rc;
}

static const void *get_evd(const struct table *table, struct evd_slice name)
{
    return evd_names_get(&table->evd, name);
}

RUN(evd)

static void release_evd(struct table *table)
{
    evd_names_release(&table->evd);
}

/* ---- FNV-1a ---- */

static int build_fnv(struct table *table)
{
    return bench_fnv_build(table->names->list, table->count, &table->fnv);
}

static const void *get_fnv(const struct table *table, struct evd_slice name)
{
    return bench_fnv_get(&table->fnv, name);
}

RUN(fnv)

static void release_fnv(struct table *table)
{
    bench_fnv_release(&table->fnv);
}

/* ---- Lists ---- */

static int build_list(struct table *table)
{
    return bench_list_build(table->names->list, table->count, &table->list);
}

static int build_sorted(struct table *table)
{
    int rc = build_list(table);
    if (rc >= 0)
        bench_list_sort(&table->list);
    return rc;
}

static const void *get_binary(const struct table *table, struct evd_slice name)
{
    return bench_list_binary(&table->list, name);
}

RUN(binary)

static const void *get_linear(const struct table *table, struct evd_slice name)
{
    return bench_list_linear(&table->list, name);
}

RUN(linear)

static void release_list(struct table *table)
{
    bench_list_release(&table->list);
}

/* ---- dlsym() on an open handle ---- */

static int build_symbols(struct table *table)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/symbols_%zu.so", BENCH_DIR, table->count);
    table->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return table->handle != NULL ? EVD_OK : EVD_ERR_LOAD_FAILED;
}

static const void *get_symbols(const struct table *table, struct evd_slice name)
{
    return dlsym(table->handle, name.ptr);
}

RUN(symbols)

static void release_symbols(struct table *table)
{
    if (table->handle != NULL)
        (void)dlclose(table->handle);
}

/* ---- gperf ---- */

#ifdef BENCH_GPERF
static int build_nothing(struct table *table)
{
    (void)table;
    return EVD_OK;
}

static void release_nothing(struct table *table)
{
    (void)table;
}

#define GPERF(count)                                                                               \
    static const void *get_gperf_##count(const struct table *table, struct evd_slice name)         \
    {                                                                                              \
        (void)table;                                                                               \
        return bench_gperf_##count(name.ptr, name.len);                                            \
    }                                                                                              \
    RUN(gperf_##count)                                                                             \
    static const struct way gperf_##count = {                                                      \
        "gperf", count, build_nothing, get_gperf_##count, run_gperf_##count, release_nothing};

GPERF(16)
GPERF(256)
GPERF(4096)
#undef GPERF
#endif

static const struct way ways[] = {
    {"evd_names", 0, build_evd, get_evd, run_evd, release_evd},
    {"fnv1a", 0, build_fnv, get_fnv, run_fnv, release_fnv},
    {"binary_search", 0, build_sorted, get_binary, run_binary, release_list},
    {"strcmp", 256, build_list, get_linear, run_linear, release_list},
    {"dlsym", 0, build_symbols, get_symbols, run_symbols, release_symbols},
};

struct lookup {
    const struct way *way;
    size_t count;
    bool hit;
};

/* Finds what is there and nothing else: a wrong answer is not worth timing. */
static bool answers_right(const struct lookup *lookup, const struct table *table,
                          const struct bench_queries *queries)
{
    for (size_t i = 0; i < queries->count; i++) {
        if ((lookup->way->get(table, queries->list[i]) != NULL) != lookup->hit)
            return false;
    }
    return true;
}

static void look_up(struct evd_bench *bench, void *arg)
{
    const struct lookup *lookup = arg;
    struct bench_names names;
    struct bench_queries queries = {0};
    if (bench_names_draw(BENCH_NAMES_SEED, lookup->count * 2, &names) < 0) {
        evd_bench_fail(bench, "out of memory");
        return;
    }
    struct table table = {.names = &names, .count = lookup->count};
    if (bench_queries_make(&names, lookup->hit ? 0 : lookup->count, lookup->count,
                           BENCH_NAMES_SEED + 1, &queries) < 0 ||
        lookup->way->build(&table) < 0)
        evd_bench_fail(bench, "the table cannot be built");
    else if (!answers_right(lookup, &table, &queries))
        evd_bench_fail(bench, "it finds what is not there, or does not find what is");
    else
        lookup->way->run(bench, &table, &queries);
    evd_bench_items(bench, 1);
    lookup->way->release(&table);
    bench_queries_release(&queries);
    bench_names_release(&names);
}

static void add(struct bench_suite *suite, const struct way *way, size_t count)
{
    for (int hit = 1; hit >= 0; hit--) {
        struct lookup lookup = {way, count, hit};
        bench_add(suite, look_up, &lookup, sizeof lookup, "lookup/%s/names:%zu/%s", way->name,
                  count, hit ? "hit" : "miss");
    }
}

void bench_add_lookups(struct bench_suite *suite)
{
    static const size_t counts[] = {10, 16, 256, 4096, 10000};
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            if (ways[w].most == 0 || counts[i] <= ways[w].most)
                add(suite, &ways[w], counts[i]);
        }
    }
#ifdef BENCH_GPERF
    add(suite, &gperf_16, 16);
    add(suite, &gperf_256, 256);
    add(suite, &gperf_4096, 4096);
    evd_bench_context("gperf", BENCH_GPERF);
#else
    evd_bench_context("skipped", "lookup/gperf: gperf was not found when this was configured");
#endif
}
