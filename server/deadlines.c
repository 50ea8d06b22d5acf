#include "deadlines.h"

void evd_deadlines_init(struct evd_deadlines *list, uint64_t limit_ns)
{
    list->ends.prev = list->ends.next = &list->ends;
    list->limit_ns = limit_ns;
}

void evd_deadline_clear(struct evd_deadline *entry)
{
    if (entry->next == NULL)
        return;
    entry->prev->next = entry->next;
    entry->next->prev = entry->prev;
    entry->prev = entry->next = NULL;
}

void evd_deadline_set(struct evd_deadline *entry, struct evd_deadlines *list, uint64_t now_ns)
{
    entry->since_ns = now_ns;
    if (list->ends.prev == entry)
        return; /* the last already */
    evd_deadline_clear(entry);
    entry->prev = list->ends.prev;
    entry->next = &list->ends;
    list->ends.prev->next = entry;
    list->ends.prev = entry;
}

struct evd_deadline *evd_deadlines_due(const struct evd_deadlines *list, uint64_t now_ns)
{
    struct evd_deadline *first = list->ends.next;
    bool due = list->limit_ns > 0 && first != &list->ends && now_ns >= first->since_ns &&
               now_ns - first->since_ns >= list->limit_ns;
    return due ? first : NULL;
}
