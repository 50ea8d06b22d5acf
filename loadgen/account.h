/* What became of every request: exact, and checked against what was scheduled. */
#ifndef LG_ACCOUNT_H
#define LG_ACCOUNT_H

#include "dispatch/status.h"

#include <stdbool.h>
#include <stdint.h>

/* X(NAME, key in JSON, in words). Each scheduled request ends as exactly one of these. */
#define LG_OUTCOME_MAP(X)                                                                          \
    X(OK, "ok", "answered as expected")                                                            \
    X(BAD, "bad", "answered wrongly")                                                              \
    X(TIMEOUT, "timeout", "not answered in time; its connection was closed")                       \
    X(RESET, "reset", "lost when the connection was reset")                                        \
    X(EOF, "eof", "lost when the server closed the connection")                                    \
    X(REFUSED, "refused", "due while the server refused connections")                              \
    X(UNSENT, "unsent", "due, but never sent")                                                     \
    X(IN_FLIGHT, "in_flight", "sent, and not answered when the run ended")

enum lg_outcome {
#define LG_OUTCOME_ENUM(name, key, words) LG_##name,
    LG_OUTCOME_MAP(LG_OUTCOME_ENUM)
#undef LG_OUTCOME_ENUM
        LG_OUTCOMES
};

/* A request belongs to the window in which it was due. */
enum lg_window { LG_WARMUP, LG_MEASURED, LG_WINDOWS };

struct lg_account {
    uint64_t scheduled; /* counted when a request falls due, independent of what becomes of it */
    uint64_t outcomes[LG_OUTCOMES];
};

/* True for a request that ended without any answer after it was due: all that is known of its
 * response is that it would have taken longer than this, its age. Not so `bad`, which is an answer,
 * and `refused`, which was given up as it fell due. */
static inline bool lg_outcome_is_censored(enum lg_outcome outcome)
{
    return outcome == LG_TIMEOUT || outcome == LG_RESET || outcome == LG_EOF ||
           outcome == LG_UNSENT || outcome == LG_IN_FLIGHT;
}

const char *lg_outcome_key(enum lg_outcome outcome);
const char *lg_outcome_words(enum lg_outcome outcome);

void lg_account_merge(struct lg_account *into, const struct lg_account *from);

/* EVD_OK if scheduled is the sum of the outcomes, else EVD_ERR_INTERNAL with both in words. */
int lg_account_check(const struct lg_account *account, const char *window,
                     struct evd_error *ret_error);

/* Requests that went wrong: everything but ok and unsent. Unsent ones say that the rate was too
 * high for connections x depth, not that the server erred. */
uint64_t lg_account_errors(const struct lg_account *account);

#endif
