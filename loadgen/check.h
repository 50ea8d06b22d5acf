/* Is this reply the right one? One checker a thread. */
#ifndef LG_CHECK_H
#define LG_CHECK_H

#include "scenario.h"

#include "server/wire/transport.h"

#define LG_FIRST_BAD_TEXT 512

/* The first reply that was wrong: what a user needs to find out why. */
struct lg_first_bad {
    char event[EVD_EVENT_MAX + 1]; /* "" while no reply was wrong */
    char expected[LG_FIRST_BAD_TEXT];
    char got[LG_FIRST_BAD_TEXT];
};

struct lg_checker {
    const struct lg_scenario *scenario;
    const struct evd_transport *transport;
    struct evd_codec_context codecs;
    struct evd_buf scratch;
    /* For each request, one reply that was found right the long way (decoded, or compared as JSON):
     * the same bytes are right again. Owned; "" until there is one. */
    struct evd_slice *known;
    struct lg_first_bad first_bad;
};

/* scenario and transport stay borrowed. EVD_ERR_NO_MEMORY. */
int lg_checker_init(struct lg_checker *checker, const struct lg_scenario *scenario,
                    const struct evd_transport *transport);
void lg_checker_release(struct lg_checker *checker);

/* Whether `reply` answers requests[request] sent with the number `id`: its id, its codec, an error
 * or not, and its data byte for byte; data that differ in bytes are compared as JSON values, in
 * which order of members and white space mean nothing. If not, first_bad says so, once.
 * A text transport's reply leaves out its codec: it is set to the call's. */
bool lg_check_reply(struct lg_checker *checker, size_t request, uint64_t id,
                    struct evd_envelope *reply);

/* A reply to requests[request] that could not be read. */
void lg_check_unreadable(struct lg_checker *checker, size_t request, const char *why);

#endif
