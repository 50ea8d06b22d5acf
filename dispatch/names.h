/* A table from names to values, filled while modules are opened, looked up on every call.
 *
 * Open addressing with linear probing at half load or less; a hash keyed by a seed drawn once a
 * table, so that nobody outside can choose names that collide. What a client sends is only ever
 * looked up, never added: the longest probe is a property of the table, not of the request.
 *
 * What a call costs with many names is the cache lines it touches, and they are two: the slot's,
 * eight slots to a line, and that of the record, which holds the value and the name's text. */
#ifndef EVD_NAMES_H
#define EVD_NAMES_H

#include "message.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

#define EVD_NAMES_MAX (1u << 20) /* names in one table */

struct evd_names_slot {
    uint32_t tag;  /* of the hash: other names are passed over unread */
    uint32_t line; /* where the record begins, in cache lines; 0: the slot is free */
};

struct evd_names {
    struct evd_names_slot *slots; /* owned; NULL when empty */
    unsigned char *records;       /* owned; each begins with a cache line */
    size_t mask, count;
    size_t value_size;
    uint64_t seed, key; /* the key is made from the seed */
    size_t lines_used, lines_room;
};

/* Draws the seed. The table owns no memory until the first name. value_size: bytes of a value, a
 * multiple of 8 of at most 1024; a name of up to 63 less this shares its cache line. */
void evd_names_init(struct evd_names *names, size_t value_size);

/* With a seed of the caller's: for measurements that must be the same each time. */
void evd_names_init_seeded(struct evd_names *names, size_t value_size, uint64_t seed);
void evd_names_release(struct evd_names *names);

/* Adds a name with a copy of *value, or gives a name that is there a new value. The name is copied;
 * at most EVD_EVENT_MAX bytes. EVD_ERR_NO_MEMORY; EVD_ERR_TOO_LARGE for a longer one, and past
 * EVD_NAMES_MAX. */
int evd_names_put(struct evd_names *names, struct evd_slice name, const void *value);

/* The value, to be read and written, aligned to 64 bytes; until the next evd_names_put(), which may
 * move it. NULL: there is no such name. */
void *evd_names_get(const struct evd_names *names, struct evd_slice name);

/* Leaves out every name whose value `stays` refuses. EVD_ERR_NO_MEMORY: all are still there. */
int evd_names_keep(struct evd_names *names, bool (*stays)(const void *value));

/* What slots and tags are made of: for tests and measurements of the hash. */
uint64_t evd_names_hash(const struct evd_names *names, struct evd_slice name);

/* Whether this is a valid event or module name: segments of [A-Za-z0-9_-] joined by dots, 1 to
 * EVD_EVENT_MAX bytes. */
int evd_name_is_valid(struct evd_slice name);

#endif
