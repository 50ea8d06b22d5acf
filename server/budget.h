/* A budget of memory that many share, and who holds most of it.
 *
 * Holders stand in one list for each power of two, so that the largest, to within a factor of two,
 * is found without a search, and changing what one holds is a few pointers. Nothing is allocated
 * here, and nothing refused: who goes over is the owner's to deal with. */
#ifndef EVD_BUDGET_H
#define EVD_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVD_BUDGET_LISTS 64

struct evd_holder {
    struct evd_holder *prev, *next;
    size_t bytes; /* 0: in no list */
};

struct evd_budget {
    struct evd_holder lists[EVD_BUDGET_LISTS]; /* ends; list n: 2^n bytes and more */
    uint64_t used_lists;                       /* bit n: list n has a holder */
    size_t held, max;                          /* bytes */
    size_t peak;                               /* the most that was ever held */
};

void evd_budget_init(struct evd_budget *budget, size_t max);

/* From now on the holder has so many bytes; 0: none, and it may be freed. */
void evd_budget_set(struct evd_budget *budget, struct evd_holder *holder, size_t bytes);

/* Nobody has more than twice of what it has. NULL: nobody has anything. */
struct evd_holder *evd_budget_largest(const struct evd_budget *budget);

static inline bool evd_budget_is_over(const struct evd_budget *budget)
{
    return budget->held > budget->max;
}

/* Three quarters are held: time to take no more from those who are slow. */
static inline bool evd_budget_is_tight(const struct evd_budget *budget)
{
    return budget->held > budget->max - budget->max / 4;
}

#endif
