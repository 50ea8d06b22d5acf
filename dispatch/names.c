#include "names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* The folded 64 x 64 -> 128 bit multiply of wyhash (Wang Yi, 2019). Both factors are keyed: with a
 * known constant in one of them, a name that holds it would make the product zero whatever the seed
 * is. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

#define MULTIPLIER_A 0xa0761d6478bd642full
#define MULTIPLIER_B 0xe7037ed1a0b428dbull

static inline uint64_t hash_name(const struct evd_names *names, struct evd_slice name)
{
    const char *p = name.ptr;
    size_t len = name.len;
    uint64_t h = names->seed, key = names->key, a, b;

    for (; len > 16; len -= 16, p += 16)
        h = fold(load64(p) ^ key, load64(p + 8) ^ h);
    if (len >= 8) {
        a = load64(p);
        b = load64(p + len - 8);
    } else if (len >= 4) {
        a = load32(p);
        b = load32(p + len - 4);
    } else if (len > 0) {
        a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[len / 2] << 8 |
            (uint64_t)(unsigned char)p[len - 1];
        b = 0;
    } else {
        a = b = 0;
    }
    return fold(MULTIPLIER_B ^ name.len, fold(a ^ key, b ^ h));
}

void evd_names_init_seeded(struct evd_names *names, uint64_t seed)
{
    *names = (struct evd_names){.seed = seed, .key = fold(seed ^ MULTIPLIER_A, MULTIPLIER_B)};
}

void evd_names_init(struct evd_names *names)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
        /* Only in the first moments of a machine's life; addresses and time are what is left. */
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        seed = fold((uint64_t)now.tv_nsec ^ MULTIPLIER_A, (uint64_t)(uintptr_t)names);
    }
    evd_names_init_seeded(names, seed);
}

void evd_names_release(struct evd_names *names)
{
    free(names->memory);
    *names = (struct evd_names){0};
}

static struct evd_names_slot *find_slot(const struct evd_names *names, uint64_t hash,
                                        struct evd_slice name)
{
    size_t i = hash & names->mask;
    for (;; i = (i + 1) & names->mask) {
        struct evd_names_slot *slot = &names->slots[i];
        if (slot->name == NULL)
            return slot;
        if (slot->hash == hash && slot->len == name.len &&
            memcmp(slot->name, name.ptr, name.len) == 0)
            return slot;
    }
}

/* None lies in two cache lines. */
#define SLOT_ALIGN sizeof(struct evd_names_slot)
_Static_assert(64 % SLOT_ALIGN == 0, "a slot divides a cache line");

static int grow(struct evd_names *names)
{
    size_t old = names->slots == NULL ? 0 : names->mask + 1;
    size_t size = old == 0 ? 32 : old * 2;
    /* One more, so that the first can begin where a slot ends with its cache line. */
    void *memory = calloc(size + 1, sizeof(struct evd_names_slot));
    if (memory == NULL)
        return EVD_ERR_NO_MEMORY;
    uintptr_t start = (uintptr_t)memory + SLOT_ALIGN - 1;
    struct evd_names_slot *slots = (struct evd_names_slot *)(start - start % SLOT_ALIGN);

    struct evd_names larger = {.slots = slots, .mask = size - 1};
    for (size_t i = 0; i < old; i++) {
        const struct evd_names_slot *slot = &names->slots[i];
        if (slot->name != NULL)
            *find_slot(&larger, slot->hash, evd_slice(slot->name, slot->len)) = *slot;
    }
    free(names->memory);
    names->memory = memory;
    names->slots = slots;
    names->mask = size - 1;
    return EVD_OK;
}

int evd_names_put(struct evd_names *names, struct evd_slice name, void *value)
{
    if (names->count >= EVD_NAMES_MAX)
        return EVD_ERR_TOO_LARGE;
    if (names->slots == NULL || (names->count + 1) * 2 > names->mask + 1) {
        int rc = grow(names);
        if (rc < 0)
            return rc;
    }
    uint64_t hash = hash_name(names, name);
    struct evd_names_slot *slot = find_slot(names, hash, name);
    if (slot->name == NULL)
        names->count++;
    *slot = (struct evd_names_slot){hash, name.ptr, name.len, value};
    return EVD_OK;
}

void *evd_names_get(const struct evd_names *names, struct evd_slice name)
{
    if (names->slots == NULL)
        return NULL;
    return find_slot(names, hash_name(names, name), name)->value;
}

int evd_name_is_valid(struct evd_slice name)
{
    if (name.len == 0 || name.len > EVD_EVENT_MAX)
        return 0;
    int segment_empty = 1;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '.') {
            if (segment_empty)
                return 0;
            segment_empty = 1;
        } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_' || c == '-') {
            segment_empty = 0;
        } else {
            return 0;
        }
    }
    return !segment_empty;
}
