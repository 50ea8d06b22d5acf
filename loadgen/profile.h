/* Load profiles: clients that come and go, and others that only stand in the way. */
#ifndef LG_PROFILE_H
#define LG_PROFILE_H

#include "server/wire/args.h"

#include <stdbool.h>

#define LG_SOURCES_MAX       64
#define LG_BYSTANDERS_MAX    16384 /* of a kind; slow readers: LG_SLOW_MAX */
#define LG_SLOW_MAX          1024  /* each costs two system calls in 50 ms */
#define LG_RENEW_MAX         1000000000
#define LG_READ_RATE_MIN     20 /* bytes a second: one in 50 ms */
#define LG_READ_RATE_DEFAULT 1024
#define LG_READ_RATE_MAX     (1u << 30)

/* X(NAME, key in JSON, option, in words). Connections beside those of the load: their requests, if
 * any, are not measured and not accounted for. */
#define LG_BYSTANDER_MAP(X)                                                                        \
    X(HALF_OPEN, "half_open", "half-open", "connected and sent nothing")                           \
    X(PARTIAL, "partial", "partial", "sent a part of a request and no more")                       \
    X(SLOW, "slow", "slow-readers", "sent requests without end and read slowly")

enum lg_bystander {
#define LG_BYSTANDER_ENUM(name, key, option, words) LG_BYSTANDER_##name,
    LG_BYSTANDER_MAP(LG_BYSTANDER_ENUM)
#undef LG_BYSTANDER_ENUM
        LG_BYSTANDERS
};

struct lg_profile {
    uint64_t reconnect_every; /* requests on a connection; 0: it is kept */
    struct evd_address sources[LG_SOURCES_MAX];
    unsigned source_count; /* 0: the kernel chooses */
    unsigned bystanders[LG_BYSTANDERS];
    uint64_t read_rate; /* bytes a second of a slow reader */
};

const char *lg_bystander_key(enum lg_bystander kind);
const char *lg_bystander_words(enum lg_bystander kind);

/* "127.0.0.2,127.0.0.3", "::1". EVD_ERR_USAGE. */
int lg_profile_sources(const char *text, struct lg_profile *profile, struct evd_error *ret_error);

/* What no single option can tell; family: of the target's address. EVD_ERR_USAGE. */
int lg_profile_check(const struct lg_profile *profile, int family, struct evd_error *ret_error);

/* Connections beside those of the load. */
static inline unsigned lg_profile_extra(const struct lg_profile *profile)
{
    unsigned sum = 0;

    for (int i = 0; i < LG_BYSTANDERS; i++)
        sum += profile->bystanders[i];
    return sum;
}

#endif
