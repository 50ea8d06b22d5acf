/* Memory that lives as long as one call: allocated by bumping a pointer, given back at once.
 *
 * Invariants: an arena holds at most `max` bytes of blocks, whatever max is; chunks of
 * EVD_ARENA_CHUNK go back to the cache they came from, so a server in steady state allocates
 * nothing. Not for two threads. */
#ifndef EVD_ARENA_H
#define EVD_ARENA_H

#include <stddef.h>

#define EVD_ARENA_CHUNK     (64 * 1024)
#define EVD_ARENA_CACHE_MAX 16 /* spare chunks kept: 1 MiB */

struct evd_arena_chunk;

/* Spare chunks, shared by the arenas of one thread. Zero is valid. */
struct evd_arena_cache {
    struct evd_arena_chunk *spare;
    size_t count;
    size_t held; /* bytes of all chunks, in arenas and spare */
};

void evd_arena_cache_release(struct evd_arena_cache *cache);

struct evd_arena {
    struct evd_arena_cache *cache;
    struct evd_arena_chunk *chunks; /* newest first */
    size_t held, max;               /* bytes */
};

/* Owns nothing until the first allocation. cache outlives the arena. */
static inline void evd_arena_init(struct evd_arena *arena, struct evd_arena_cache *cache,
                                  size_t max)
{
    arena->cache = cache;
    arena->chunks = NULL;
    arena->held = 0;
    arena->max = max;
}

/* Aligned as by malloc; NULL when max would be passed or memory is out. Not zeroed. */
void *evd_arena_alloc(struct evd_arena *arena, size_t size);

/* Gives everything back; the arena is as after init. */
void evd_arena_reset(struct evd_arena *arena);

#endif
