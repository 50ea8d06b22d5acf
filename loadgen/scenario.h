/* A scenario: which events and data a load sends, and what the right answers are. The format of the
 * files is in scenarios/README.md. Everything is encoded once, when it is loaded. */
#ifndef LG_SCENARIO_H
#define LG_SCENARIO_H

#include "server/wire/codec.h"

#define LG_SCENARIO_BYTES_MAX    (64 * 1024 * 1024) /* of a scenario file */
#define LG_SCENARIO_REQUESTS_MAX 10000
#define LG_SCENARIO_WEIGHT_MAX   1000
#define LG_SCENARIO_STEPS_MAX    100                   /* behind the first of a sequence */
#define LG_SCENARIO_THINK_MAX    UINT64_C(60000000000) /* ns */

struct lg_request {
    struct evd_slice event; /* owned by the scenario, as are data and expect */
    const struct evd_codec *codec;
    struct evd_slice data; /* through the codec: what a transport's encode() takes */
    size_t payload_len;    /* bytes of compact JSON, before the codec */
    unsigned weight;       /* how often in a deck: 1 to LG_SCENARIO_WEIGHT_MAX */
    bool is_step;          /* of a sequence, behind its first: not dealt */
    uint32_t next;         /* the step that follows on the same connection: its index; 0: none */
    uint64_t think_ns;     /* of a step: from the reply before it until it is due */
    bool expect_error;
    struct evd_slice expect; /* compact JSON; with expect_error, the error's code */
};

struct lg_scenario {
    char name[64];
    char payloads[160]; /* "inline", "<package> <version>" or "generated" */
    char warning[1024]; /* to be shown to the user; or "" */
    struct lg_request *requests;
    size_t count;
    /* The order: each request as often as its weight says, shuffled once by the seed, then dealt
     * round and round. Request i of a run is requests[deck[i % deck_len]]. */
    uint32_t *deck;
    size_t deck_len;
    bool sequences;       /* some request has a next */
    size_t endpoints;     /* distinct events */
    double payload_mean;  /* bytes, weighted */
    size_t largest_data;  /* bytes: what one call's data may take on the wire, at most */
    size_t largest_reply; /* bytes of the longest `expect` */
};

struct lg_scenario_options {
    const char *payloads;             /* folder of the npm package, or NULL */
    const struct evd_codec *encoding; /* for all requests, or NULL: as the scenario says */
    uint64_t seed;
};

/* name: of a scenario that comes with loadgen, or a path (it has a '/' or ends in ".json").
 * EVD_ERR_USAGE, EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY: the text names file, request and key. On
 * success to be released by lg_scenario_release(). */
int lg_scenario_load(const char *name, const struct lg_scenario_options *options,
                     struct lg_scenario *ret_scenario, struct evd_error *ret_error);
/* Of lg_scenario_load(): sums up the requests, and shuffles the deck. EVD_ERR_NO_MEMORY. */
int lg_scenario_deal(struct lg_scenario *scenario, uint64_t seed);

void lg_scenario_release(struct lg_scenario *scenario);

#endif
