#include "names.h"

#include "dispatch/names.h"
#include "loadgen/rng.h"

#include <stdlib.h>

/* A segment of 3 to 12 letters; "_" only within. */
static size_t draw_segment(struct lg_rng *rng, char *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    size_t len = 3 + lg_rng_below(rng, 10);
    for (size_t i = 0; i < len; i++)
        out[i] = letters[lg_rng_below(rng, i == 0 || i + 1 == len ? 26 : 27)];
    return len;
}

static size_t draw_name(struct lg_rng *rng, char out[static BENCH_NAME_MAX])
{
    size_t len = 4, segments = 2 + (lg_rng_below(rng, 3) == 0);
    memcpy(out, "api.", len);
    for (size_t i = 0; i < segments; i++) {
        if (i > 0)
            out[len++] = '.';
        len += draw_segment(rng, out + len);
    }
    out[len] = '\0';
    return len;
}

int bench_names_draw(uint64_t seed, size_t count, struct bench_names *ret_names)
{
    struct bench_names names = {.texts = calloc(count, sizeof *names.texts),
                                .list = calloc(count, sizeof *names.list)};
    struct evd_names known;
    struct lg_rng rng;
    int rc = names.texts != NULL && names.list != NULL ? EVD_OK : EVD_ERR_NO_MEMORY;

    lg_rng_init(&rng, seed);
    evd_names_init(&known, 0);
    while (rc >= 0 && names.count < count) {
        char *text = names.texts[names.count];
        struct evd_slice name = evd_slice(text, draw_name(&rng, text));
        if (evd_names_get(&known, name) != NULL)
            continue;
        names.list[names.count++] = name;
        rc = evd_names_put(&known, name, "");
    }
    evd_names_release(&known);
    if (rc < 0)
        bench_names_release(&names);
    *ret_names = names;
    return rc;
}

void bench_names_release(struct bench_names *names)
{
    free(names->texts);
    free(names->list);
    *names = (struct bench_names){0};
}

int bench_queries_make(const struct bench_names *names, size_t first, size_t count, uint64_t seed,
                       struct bench_queries *ret_queries)
{
    size_t rounds = (BENCH_QUERIES_MIN + count - 1) / count, total = rounds * count;
    struct bench_queries queries = {.list = calloc(total, sizeof *queries.list),
                                    .bytes = malloc(total * BENCH_NAME_MAX),
                                    .count = total};
    struct lg_rng rng;
    char *out = queries.bytes;

    *ret_queries = queries;
    if (queries.list == NULL || queries.bytes == NULL) {
        bench_queries_release(ret_queries);
        return EVD_ERR_NO_MEMORY;
    }
    lg_rng_init(&rng, seed);
    for (size_t i = 0; i < total; i++) {
        size_t other = lg_rng_below(&rng, i + 1); /* Fisher and Yates, inside out */
        queries.list[i] = queries.list[other];
        queries.list[other] = names->list[first + i % count];
    }
    for (size_t i = 0; i < total; i++) {
        struct evd_slice *query = &queries.list[i];
        memcpy(out, query->ptr, query->len);
        out[query->len] = '\0';
        query->ptr = out;
        out += query->len + 1;
    }
    return EVD_OK;
}

void bench_queries_release(struct bench_queries *queries)
{
    free(queries->list);
    free(queries->bytes);
    *queries = (struct bench_queries){0};
}
