#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define ALIGN alignof(max_align_t)

struct evd_arena_chunk {
    struct evd_arena_chunk *next;
    size_t used, size; /* of bytes[] */
    alignas(max_align_t) unsigned char bytes[];
};

void evd_arena_cache_release(struct evd_arena_cache *cache)
{
    while (cache->spare != NULL) {
        struct evd_arena_chunk *chunk = cache->spare;
        cache->spare = chunk->next;
        free(chunk);
    }
    cache->count = cache->held = 0;
}

static struct evd_arena_chunk *take_chunk(struct evd_arena *arena, size_t size)
{
    struct evd_arena_cache *cache = arena->cache;
    struct evd_arena_chunk *chunk;
    size_t room = size <= EVD_ARENA_CHUNK ? EVD_ARENA_CHUNK : size;

    if (room > arena->max - arena->held)
        room = arena->max - arena->held; /* the last chunk is what max leaves */
    if (room < size)
        return NULL;
    if (room == EVD_ARENA_CHUNK && cache->spare != NULL) {
        chunk = cache->spare;
        cache->spare = chunk->next;
        cache->count--;
    } else {
        chunk = malloc(sizeof *chunk + room);
        if (chunk == NULL)
            return NULL;
        chunk->size = room;
        cache->held += room;
    }
    chunk->used = 0;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->held += chunk->size;
    return chunk;
}

void *evd_arena_alloc(struct evd_arena *arena, size_t size)
{
    if (size > arena->max || size > PTRDIFF_MAX - sizeof(struct evd_arena_chunk) - ALIGN)
        return NULL; /* the second: no block can be so large, and no sum here overflows */
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    struct evd_arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        chunk = take_chunk(arena, size);
        if (chunk == NULL)
            return NULL;
    }
    void *ptr = chunk->bytes + chunk->used;
    chunk->used += size;
    return ptr;
}

void evd_arena_reset(struct evd_arena *arena)
{
    struct evd_arena_cache *cache = arena->cache;
    while (arena->chunks != NULL) {
        struct evd_arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        if (chunk->size == EVD_ARENA_CHUNK && cache->count < EVD_ARENA_CACHE_MAX) {
            chunk->next = cache->spare;
            cache->spare = chunk;
            cache->count++;
        } else {
            cache->held -= chunk->size;
            free(chunk);
        }
    }
    arena->held = 0;
}
