/* A table from names to values, filled while modules are opened, looked up on every call.
 *
 * Open addressing with linear probing at half load or less; a hash keyed by a seed drawn once a
 * table, so that nobody outside can choose names that collide. What a client sends is only ever
 * looked up, never added: the longest probe is a property of the table, not of the request. */
#ifndef EVD_NAMES_H
#define EVD_NAMES_H

#include "message.h"
#include "status.h"

#include <stdint.h>

#define EVD_NAMES_MAX (1u << 20) /* names in one table */

struct evd_names_slot {
    uint64_t hash;
    const char *name; /* NULL: free */
    size_t len;
    void *value;
};

struct evd_names {
    struct evd_names_slot *slots; /* in `memory`, two to a cache line; NULL when empty */
    size_t count, mask;
    uint64_t seed, key; /* the key is made from the seed */
    void *memory;       /* owned */
};

/* Draws the seed. The table owns no memory until the first name. */
void evd_names_init(struct evd_names *names);

/* With a seed of the caller's: for measurements that must be the same each time. */
void evd_names_init_seeded(struct evd_names *names, uint64_t seed);
void evd_names_release(struct evd_names *names);

/* Adds a name, or gives a name that is there a new value. The bytes of `name` are borrowed and
 * outlive the table. value is not NULL. EVD_ERR_NO_MEMORY, EVD_ERR_TOO_LARGE past EVD_NAMES_MAX. */
int evd_names_put(struct evd_names *names, struct evd_slice name, void *value);

/* The value, or NULL. */
void *evd_names_get(const struct evd_names *names, struct evd_slice name);

/* Whether this is a valid event or module name: segments of [A-Za-z0-9_-] joined by dots, 1 to
 * EVD_EVENT_MAX bytes. */
int evd_name_is_valid(struct evd_slice name);

#endif
