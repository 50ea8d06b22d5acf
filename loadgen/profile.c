#include "profile.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

const char *lg_bystander_key(enum lg_bystander kind)
{
    static const char *const keys[] = {
#define KEY(name, key, option, words) key,
        LG_BYSTANDER_MAP(KEY)
#undef KEY
    };

    return keys[kind];
}

const char *lg_bystander_words(enum lg_bystander kind)
{
    static const char *const all[] = {
#define WORDS(name, key, option, words) words,
        LG_BYSTANDER_MAP(WORDS)
#undef WORDS
    };

    return all[kind];
}

/* Without a port: the kernel chooses one when it connects. */
static bool parse_source(const char *text, struct evd_address *address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&address->addr;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address->addr;

    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        address->len = sizeof(*four);
        return true;
    }
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
        return false;
    six->sin6_family = AF_INET6;
    address->len = sizeof(*six);
    return true;
}

int lg_profile_sources(const char *text, struct lg_profile *profile, struct evd_error *ret_error)
{
    const char *at = text;

    profile->source_count = 0;
    for (bool more = true; more;) {
        size_t len = strcspn(at, ",");
        char one[64];

        if (profile->source_count == LG_SOURCES_MAX)
            return evd_error_set(ret_error, EVD_ERR_USAGE, "more than %d addresses",
                                 LG_SOURCES_MAX);
        snprintf(one, sizeof(one), "%.*s", (int)(len < sizeof(one) ? len : 0), at);
        if (!parse_source(one, &profile->sources[profile->source_count++]))
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 "'%.*s' is not an address, such as 127.0.0.2 or ::1; several with "
                                 "a comma between",
                                 (int)len, at);
        more = at[len] == ',';
        at += len + 1;
    }
    return EVD_OK;
}

int lg_profile_check(const struct lg_profile *profile, int family, struct evd_error *ret_error)
{
    for (unsigned i = 0; i < profile->source_count; i++)
        if (profile->sources[i].addr.ss_family != family)
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 family == AF_UNIX
                                     ? "--source goes with a target of TCP"
                                     : "--source needs addresses of the target's kind, IPv4 or "
                                       "IPv6");
    return EVD_OK;
}
