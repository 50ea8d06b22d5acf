/* What a connection has to answer, read from docs/PROTOCOL.md and by cJSON alone. */
#ifndef EVD_FUZZ_CONNECTION_ORACLE_H
#define EVD_FUZZ_CONNECTION_ORACLE_H

#include "dispatch/message.h"

#include <stdbool.h>

struct oracle_limits {
    size_t max_frame;
    unsigned max_depth;
};

/* Holds `out`, all that the server sent, to `in`, all that it read: each message has one answer, in
 * the order of the messages, with its id, and well-formed; what api.test.board and
 * api.services.status answer is compared. cut_off: the last ones may lack theirs, and the last
 * answer its end. */
void oracle_check(struct evd_slice in, struct evd_slice out, bool cut_off,
                  const struct oracle_limits *limits);

#endif
