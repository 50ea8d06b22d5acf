#include "budget.h"

void evd_budget_init(struct evd_budget *budget, size_t max)
{
    *budget = (struct evd_budget){.max = max};
    for (size_t i = 0; i < EVD_BUDGET_LISTS; i++)
        budget->lists[i].prev = budget->lists[i].next = &budget->lists[i];
}

/* bytes > 0 */
static unsigned list_of(size_t bytes)
{
    return 63u - (unsigned)__builtin_clzll(bytes);
}

static void take_out(struct evd_budget *budget, struct evd_holder *holder)
{
    unsigned list = list_of(holder->bytes);
    holder->prev->next = holder->next;
    holder->next->prev = holder->prev;
    if (budget->lists[list].next == &budget->lists[list])
        budget->used_lists &= ~(UINT64_C(1) << list);
}

static void put_in(struct evd_budget *budget, struct evd_holder *holder, unsigned list)
{
    struct evd_holder *ends = &budget->lists[list];
    holder->prev = ends->prev;
    holder->next = ends;
    ends->prev->next = holder;
    ends->prev = holder;
    budget->used_lists |= UINT64_C(1) << list;
}

void evd_budget_set(struct evd_budget *budget, struct evd_holder *holder, size_t bytes)
{
    if (bytes == holder->bytes)
        return;
    budget->held = budget->held - holder->bytes + bytes;
    if (budget->held > budget->peak)
        budget->peak = budget->held;
    bool stays = holder->bytes > 0 && bytes > 0 && list_of(holder->bytes) == list_of(bytes);
    if (!stays && holder->bytes > 0)
        take_out(budget, holder);
    holder->bytes = bytes;
    if (!stays && bytes > 0)
        put_in(budget, holder, list_of(bytes));
}

struct evd_holder *evd_budget_largest(const struct evd_budget *budget)
{
    if (budget->used_lists == 0)
        return NULL;
    return budget->lists[63 - __builtin_clzll(budget->used_lists)].next;
}
