/* What a connection has to answer, read from docs/PROTOCOL.md and by cJSON alone. */
#ifndef EVD_FUZZ_CONNECTION_ORACLE_H
#define EVD_FUZZ_CONNECTION_ORACLE_H

#include "dispatch/message.h"

#include <stdbool.h>

/* Of the tokens in docs/PROTOCOL.md: the only good ones that an input can hold. */
#define ORACLE_SECRET "0123456789abcdef0123456789abcdef"

struct oracle_limits {
    size_t max_frame;
    unsigned max_depth;
    bool memory_failed; /* at some place: any answer may be an error instead */
    bool tokens;        /* they are asked for: so may any, and behind it may be the end */
};

/* Holds `out`, all that the server sent, to `in`, all that it read: each message has one answer, in
 * the order of the messages, with its id, and well-formed; what api.test.board and
 * api.services.status answer is compared. cut_off: the last ones may lack theirs, and the last
 * answer its end. */
void oracle_check(struct evd_slice in, struct evd_slice out, bool cut_off,
                  const struct oracle_limits *limits);

/* The same where tokens are asked for: without a good one in `in` there is one answer, which
 * refuses it. */
void oracle_check_stranger(struct evd_slice in, struct evd_slice out, bool cut_off,
                           const struct oracle_limits *limits);

/* Whether a token in one of these inputs allows the event. */
bool oracle_may_call(const struct evd_slice *ins, size_t count, const char *event);

#endif
