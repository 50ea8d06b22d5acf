/* Times that run out: one list a kind of limit.
 *
 * All entries of a list have the same limit, so they run out in the order in which they were put
 * there: setting and clearing are a few pointers each, and asking who is due looks at nobody who is
 * not. There is no clock in here. An entry is in one list at a time. */
#ifndef EVD_DEADLINES_H
#define EVD_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evd_deadline {
    struct evd_deadline *prev, *next; /* NULL: in no list */
    uint64_t since_ns;
};

struct evd_deadlines {
    struct evd_deadline ends; /* its next is the first to run out, its prev the last */
    uint64_t limit_ns;        /* 0: never */
};

void evd_deadlines_init(struct evd_deadlines *list, uint64_t limit_ns);

/* Puts the entry last, out of the list where it may be. now_ns: monotonic, in nanoseconds. */
void evd_deadline_set(struct evd_deadline *entry, struct evd_deadlines *list, uint64_t now_ns);

/* Takes it out of its list, if it is in one. */
void evd_deadline_clear(struct evd_deadline *entry);

static inline bool evd_deadline_is_set(const struct evd_deadline *entry)
{
    return entry->next != NULL;
}

/* The first entry if its time is over, or NULL. It stays where it is. */
struct evd_deadline *evd_deadlines_due(const struct evd_deadlines *list, uint64_t now_ns);

#endif
