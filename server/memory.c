#include "memory.h"

#include "conn.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- libev's tables. ---- */

#define ALIGN 16
/* A place in each of libev's tables (watchers by descriptor, changes, pending events, the kernel's
 * events, timers), twice for the block that a growing table is copied from. */
#define RESERVE_EACH  256
#define RESERVE_FIXED (256 * 1024)

/* Blocks of the reserve are never used twice: a table only grows, by doubling, so that all the
 * blocks it ever had are less than twice the last. Each is led by its size. */
static struct {
    char *start;
    size_t size;
    atomic_size_t used;
} reserve;

static bool is_reserved(const void *ptr)
{
    const char *p = ptr;
    return reserve.start != NULL && p >= reserve.start && p < reserve.start + reserve.size;
}

static void *take_reserved(size_t size)
{
    size_t all = ALIGN + (size + ALIGN - 1) / ALIGN * ALIGN;
    size_t at = atomic_fetch_add(&reserve.used, all);
    if (at + all > reserve.size)
        return NULL;
    char *block = reserve.start + at;
    memcpy(block, &size, sizeof size);
    return block + ALIGN;
}

/* As realloc(), but size 0 frees: what libev asks for. */
static void *loop_realloc(void *ptr, long size) EV_NOEXCEPT
{
    bool reserved = is_reserved(ptr);
    if (size == 0) {
        if (!reserved)
            free(ptr);
        return NULL;
    }
    void *moved = reserved ? malloc((size_t)size) : realloc(ptr, (size_t)size);
    if (moved != NULL && !reserved)
        return moved;
    if (moved == NULL)
        moved = take_reserved((size_t)size);
    if (moved == NULL || ptr == NULL)
        return moved;
    /* The old block stays as it is, or was of the reserve and is left to it. */
    size_t old = (size_t)size;
    if (reserved)
        memcpy(&old, (char *)ptr - ALIGN, sizeof old);
    else
        old = malloc_usable_size(ptr);
    memcpy(moved, ptr, old < (size_t)size ? old : (size_t)size);
    if (!reserved)
        free(ptr);
    return moved;
}

int evd_memory_reserve(size_t max_connections)
{
    if (reserve.start != NULL)
        return EVD_OK;
    size_t size = RESERVE_FIXED + max_connections * RESERVE_EACH;
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return EVD_ERR_NO_MEMORY;
    reserve.start = start;
    reserve.size = size;
    ev_set_allocator(loop_realloc);
    return EVD_OK;
}

/* ---- The formula. ---- */

static size_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    (void)fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

const char *evd_memory_text(const struct evd_server_config *config, char *out, size_t cap)
{
    const double mib = 1024. * 1024.;
    size_t now = resident_bytes(), each = EVD_CONN_BYTES(config->workers);
    double most =
        (double)now + (double)each * (double)config->max_connections + (double)config->max_memory;
    (void)snprintf(out, cap,
                   "memory: %zu KiB + %zu bytes x connections + at most %.0f MiB of their buffers; "
                   "with %zu connections at most %.0f MiB",
                   now / 1024, each, (double)config->max_memory / mib, config->max_connections,
                   most / mib);
    return out;
}
