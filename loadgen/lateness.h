/* Who was late: a request's lateness is the generator's own delay (it woke late) plus the wait for
 * a free slot of a connection. */
#ifndef LG_LATENESS_H
#define LG_LATENESS_H

#include <stdint.h>

/* How long a request waited for a slot, of the lateness from due_ns to sent_ns >= due_ns.
 * blocked_ns: when the generator found no free slot for the first of the requests that wait, or
 * waited last; unblocked_ns: when a slot was last freed for them. Both are 0 before the first such
 * wait. All ns on one clock. What is left is the generator's: from falling due until it looked for
 * a slot, and from the slot to the write. */
static inline uint64_t lg_slot_wait(uint64_t due_ns, uint64_t blocked_ns, uint64_t unblocked_ns,
                                    uint64_t sent_ns)
{
    uint64_t from = due_ns > blocked_ns ? due_ns : blocked_ns;
    uint64_t to = unblocked_ns < sent_ns ? unblocked_ns : sent_ns;

    return to > from ? to - from : 0;
}

#endif
