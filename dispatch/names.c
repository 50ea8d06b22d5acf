#include "names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define LINE        64 /* bytes of a cache line; a record begins with one */
#define LINES_FIRST 32
#define SLOTS_FIRST 32

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

/* All but the last 16 bytes or fewer of a name that has more. */
static __attribute__((noinline)) uint64_t hash_front(uint64_t h, uint64_t key, const char *p,
                                                     const char *last)
{
    for (; p < last; p += 16)
        h = fold(load64(p) ^ key, load64(p + 8) ^ h);
    return h;
}

static inline uint64_t hash_name(const struct evd_names *names, struct evd_slice name)
{
    const char *p = name.ptr;
    size_t len = name.len;
    uint64_t h = names->seed, key = names->key, a, b;

    if (len > 16) {
        p += (len - 1) / 16 * 16;
        len -= (len - 1) / 16 * 16;
        h = hash_front(h, key, name.ptr, p);
    }
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

uint64_t evd_names_hash(const struct evd_names *names, struct evd_slice name)
{
    return hash_name(names, name);
}

void evd_names_init_seeded(struct evd_names *names, size_t value_size, uint64_t seed)
{
    *names = (struct evd_names){.value_size = value_size,
                                .seed = seed,
                                .key = fold(seed ^ MULTIPLIER_A, MULTIPLIER_B),
                                .lines_used = 1}; /* number 0 stands for none */
}

void evd_names_init(struct evd_names *names, size_t value_size)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
        /* Only in the first moments of a machine's life; addresses and time are what is left. */
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        seed = fold((uint64_t)now.tv_nsec ^ MULTIPLIER_A, (uint64_t)(uintptr_t)names);
    }
    evd_names_init_seeded(names, value_size, seed);
}

void evd_names_release(struct evd_names *names)
{
    free(names->slots);
    free(names->records);
    *names = (struct evd_names){0};
}

/* ---- Records: the value, the length of the name in one byte, its text. ---- */

static inline unsigned char *record_at(const struct evd_names *names, uint32_t line)
{
    return names->records + (size_t)line * LINE;
}

static inline struct evd_slice name_of(const struct evd_names *names, const unsigned char *record)
{
    const unsigned char *len = record + names->value_size;
    return evd_slice((const char *)len + 1, *len);
}

/* Makes room for `lines` more. */
static int grow_records(struct evd_names *names, size_t lines)
{
    size_t room = names->lines_room == 0 ? LINES_FIRST : names->lines_room;
    while (room < names->lines_used + lines)
        room *= 2;
    if (room == names->lines_room)
        return EVD_OK;
    unsigned char *records = aligned_alloc(LINE, room * LINE);
    if (records == NULL)
        return EVD_ERR_NO_MEMORY;
    if (names->records != NULL)
        memcpy(records, names->records, names->lines_used * LINE);
    free(names->records);
    names->records = records;
    names->lines_room = room;
    return EVD_OK;
}

static uint32_t add_record(struct evd_names *names, struct evd_slice name, size_t lines)
{
    uint32_t line = (uint32_t)names->lines_used;
    unsigned char *len = record_at(names, line) + names->value_size;
    *len = (unsigned char)name.len;
    memcpy(len + 1, name.ptr, name.len);
    names->lines_used += lines;
    return line;
}

/* ---- Slots. ---- */

static inline uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32); /* the position is of its lower bits */
}

/* Whether two texts of the same length are the same. A call of memcmp() takes longer. */
static inline bool same_text(const char *a, const char *b, size_t len)
{
    if (len >= 8) {
        size_t last = len - 8; /* where the last eight begin, which others may overlap */
        for (size_t i = 0; i < last; i += 8) {
            if (load64(a + i) != load64(b + i))
                return false;
        }
        return load64(a + last) == load64(b + last);
    }
    if (len >= 4)
        return load32(a) == load32(b) && load32(a + len - 4) == load32(b + len - 4);
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i])
            return false;
    }
    return true;
}

/* The name's slot, or the free one that ends the search for it. */
static inline struct evd_names_slot *find_slot(const struct evd_names *names, uint64_t hash,
                                               struct evd_slice name)
{
    size_t i = hash & names->mask;
    for (;; i = (i + 1) & names->mask) {
        struct evd_names_slot *slot = &names->slots[i];
        if (slot->line == 0)
            return slot;
        if (slot->tag == tag_of(hash) &&
            evd_slice_equal(name_of(names, record_at(names, slot->line)), name))
            return slot;
    }
}

static int grow_slots(struct evd_names *names)
{
    size_t old = names->slots == NULL ? 0 : names->mask + 1;
    size_t size = old == 0 ? SLOTS_FIRST : old * 2;
    struct evd_names_slot *slots = calloc(size, sizeof *slots), *were = names->slots;
    if (slots == NULL)
        return EVD_ERR_NO_MEMORY;
    names->slots = slots;
    names->mask = size - 1;
    for (size_t i = 0; i < old; i++) {
        if (were[i].line == 0)
            continue;
        struct evd_slice name = name_of(names, record_at(names, were[i].line));
        *find_slot(names, hash_name(names, name), name) = were[i];
    }
    free(were);
    return EVD_OK;
}

static int add_name(struct evd_names *names, struct evd_slice name, const void *value)
{
    uint64_t hash = hash_name(names, name);
    size_t lines = (names->value_size + 1 + name.len + LINE - 1) / LINE;
    if (name.len > EVD_EVENT_MAX || names->count >= EVD_NAMES_MAX)
        return EVD_ERR_TOO_LARGE;
    int rc = grow_records(names, lines);
    if (rc >= 0 && (names->slots == NULL || (names->count + 1) * 2 > names->mask + 1))
        rc = grow_slots(names);
    if (rc < 0)
        return rc;
    struct evd_names_slot *slot = find_slot(names, hash, name);
    *slot = (struct evd_names_slot){tag_of(hash), add_record(names, name, lines)};
    memcpy(record_at(names, slot->line), value, names->value_size);
    names->count++;
    return EVD_OK;
}

int evd_names_put(struct evd_names *names, struct evd_slice name, const void *value)
{
    void *known = evd_names_get(names, name);
    if (known == NULL)
        return add_name(names, name, value);
    memcpy(known, value, names->value_size);
    return EVD_OK;
}

void *evd_names_get(const struct evd_names *names, struct evd_slice name)
{
    if (names->slots == NULL)
        return NULL;
    uint64_t hash = hash_name(names, name);
    for (size_t i = hash & names->mask;; i = (i + 1) & names->mask) {
        struct evd_names_slot slot = names->slots[i];
        if (slot.line == 0)
            return NULL;
        if (slot.tag != tag_of(hash))
            continue;
        unsigned char *record = record_at(names, slot.line);
        struct evd_slice text = name_of(names, record);
        if (text.len == name.len && same_text(text.ptr, name.ptr, name.len))
            return record;
    }
}

int evd_names_keep(struct evd_names *names, bool (*stays)(const void *value))
{
    struct evd_names kept;
    int rc = EVD_OK;
    evd_names_init(&kept, names->value_size);
    for (size_t i = 0; rc >= 0 && names->slots != NULL && i <= names->mask; i++) {
        const unsigned char *record = record_at(names, names->slots[i].line);
        if (names->slots[i].line != 0 && stays(record))
            rc = evd_names_put(&kept, name_of(names, record), record);
    }
    evd_names_release(rc < 0 ? &kept : names);
    if (rc >= 0)
        *names = kept;
    return rc;
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
