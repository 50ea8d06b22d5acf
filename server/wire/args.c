#include "args.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DURATION_MAX (UINT64_C(30) * 24 * 3600 * 1000000000) /* nanoseconds */
#define QUOTED       "\"%.100s\""                            /* leaves room for what is allowed */

/* Digits, at least one. Numbers are read here and not by strtod(), which obeys the locale, takes
 * "nan" and "0x1p3", and whose overflow is easy to miss. False on overflow or no digit. */
static bool read_digits(const char **text, uint64_t *ret_value)
{
    const char *at = *text;
    uint64_t value = 0;

    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    bool some = at != *text;
    *text = at;
    *ret_value = value;
    return some;
}

/* Digits behind the decimal point, of a unit of `unit` ns. A place that is no whole number of ns is
 * dropped with all behind it: less than 36 ns, and that in hours. */
static bool read_fraction(const char **text, uint64_t unit, uint64_t *ret_ns)
{
    const char *at = *text;
    uint64_t ns = 0;

    for (; *at >= '0' && *at <= '9'; at++) {
        unit = unit % 10 == 0 ? unit / 10 : 0;
        ns += unit * (uint64_t)(*at - '0');
    }
    bool some = at != *text;
    *text = at;
    *ret_ns = ns;
    return some;
}

static uint64_t duration_unit(const char *suffix)
{
    static const struct {
        const char *suffix;
        uint64_t ns;
    } units[] = {
        {"", 1000000000},
        {"us", 1000},
        {"ms", 1000000},
        {"s", 1000000000},
        {"m", 60 * UINT64_C(1000000000)},
        {"h", 3600 * UINT64_C(1000000000)},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(suffix, units[i].suffix) == 0)
            return units[i].ns;
    return 0;
}

int evd_parse_duration(const char *text, uint64_t *ret_ns, struct evd_error *ret_error)
{
    const char *at = text;
    uint64_t whole, fraction = 0;
    uint64_t unit = duration_unit(text + strspn(text, "0123456789."));
    bool good = unit != 0 && read_digits(&at, &whole) && whole <= DURATION_MAX / unit;

    if (good && *at == '.') {
        at++;
        good = read_fraction(&at, unit, &fraction);
    }
    good = good && duration_unit(at) == unit; /* a second point would be left over */
    if (!good || whole * unit > DURATION_MAX - fraction)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "duration " QUOTED " is not valid: use seconds or a number with us, "
                             "ms, s, m or h, up to 30 days",
                             text);
    *ret_ns = whole * unit + fraction;
    return EVD_OK;
}

/* "", "b", "k", "kb", "kib", … in any case -> the power of two. */
static bool size_shift(const char *suffix, unsigned *ret_shift)
{
    static const char letters[] = "kmg";
    const char *letter = *suffix == '\0' ? NULL : strchr(letters, *suffix | 0x20);

    *ret_shift = 0;
    if (letter != NULL) {
        *ret_shift = 10 * (unsigned)(letter - letters + 1);
        suffix++;
        if (strcasecmp(suffix, "ib") == 0)
            suffix++;
    }
    return *suffix == '\0' || strcasecmp(suffix, "b") == 0;
}

int evd_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret_bytes,
                   struct evd_error *ret_error)
{
    const char *at = text;
    uint64_t value;
    unsigned shift;

    if (!read_digits(&at, &value) || !size_shift(at, &shift) || value > UINT64_MAX >> shift ||
        value << shift < min || value << shift > max)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "size " QUOTED " is not valid: use bytes or a number with k, m or g, "
                             "from %llu to %llu bytes",
                             text, (unsigned long long)min, (unsigned long long)max);
    *ret_bytes = value << shift;
    return EVD_OK;
}

int evd_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value,
                   struct evd_error *ret_error)
{
    const char *at = text;
    uint64_t value;

    if (!read_digits(&at, &value) || *at != '\0' || value < min || value > max)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "number " QUOTED " is not valid: use a whole number from %llu to %llu",
                             text, (unsigned long long)min, (unsigned long long)max);
    *ret_value = value;
    return EVD_OK;
}

/* "1" or "0-3" at the start of *at, which moves behind it. False for anything else. */
static bool cpu_range(const char **at, unsigned long *ret_first, unsigned long *ret_last)
{
    char *end;
    for (int i = 0; i < 2; i++) {
        if (**at < '0' || **at > '9')
            return false;
        *(i == 0 ? ret_first : ret_last) = strtoul(*at, &end, 10);
        *at = end;
        if (i == 0 && *end != '-') {
            *ret_last = *ret_first;
            return true;
        }
        *at += i == 0;
    }
    return *ret_last >= *ret_first;
}

int evd_parse_cpus(const char *text, int *cpus, unsigned max, unsigned *ret_count,
                   struct evd_error *ret_error)
{
    const char *at = text;
    unsigned count = 0;
    bool good = true, more = true;

    while (good && more) {
        unsigned long first = 0, last = 0;
        good = cpu_range(&at, &first, &last) && last < CPU_SETSIZE && last - first < max - count &&
               (*at == ',' || *at == '\0');
        for (unsigned long cpu = first; good && cpu <= last; cpu++)
            cpus[count++] = (int)cpu;
        more = *at == ',';
        at += more;
    }
    *ret_count = good ? count : 0;
    return good ? EVD_OK
                : evd_error_set(ret_error, EVD_ERR_USAGE,
                                "'%s' is not a list of CPUs: numbers and ranges, such as 1 or "
                                "0,2-3, at most %u",
                                text, max);
}

static int bad_address(const char *text, const char *why, struct evd_error *ret_error)
{
    return evd_error_set(ret_error, EVD_ERR_USAGE,
                         "address " QUOTED " is not valid: %s; use tcp://HOST:PORT, "
                         "tcp://[IPV6]:PORT or unix:///PATH",
                         text, why);
}

/* A name, or an address with a zone ("fe80::1%eth0"). A name that has both kinds of address gives
 * the IPv4 one, so that "localhost" means the same to server and load generator. */
static const char *resolve(const char *host, int flags, struct evd_address *address)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *list;

    int rc = getaddrinfo(host, NULL, &hints, &list);
    if (rc != 0)
        return gai_strerror(rc);
    const struct addrinfo *best = list;
    for (const struct addrinfo *each = list; each != NULL; each = each->ai_next)
        if (best->ai_family != AF_INET && each->ai_family == AF_INET)
            best = each;
    memcpy(&address->addr, best->ai_addr, best->ai_addrlen);
    address->len = best->ai_addrlen;
    freeaddrinfo(list);
    return NULL;
}

/* host: without brackets. Returns NULL, or what is wrong. */
static const char *parse_host(const char *host, bool bracketed, struct evd_address *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->addr;

    if (bracketed) {
        if (strchr(host, ':') == NULL)
            return "only an IPv6 address stands in brackets";
        return resolve(host, AI_NUMERICHOST, address);
    }
    if (*host == '\0')
        return "the host is missing (0.0.0.0 listens on all)";
    if (strchr(host, ':') != NULL)
        return "an IPv6 address needs brackets";
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        address->len = sizeof *in;
        return NULL;
    }
    /* The resolver would take 127.1 and 300.1 as addresses of some kind, too. */
    if (host[strspn(host, "0123456789.")] == '\0')
        return "an IPv4 address has four numbers from 0 to 255";
    return resolve(host, 0, address);
}

static void set_port(struct evd_address *address, uint16_t port)
{
    if (address->addr.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address->addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&address->addr)->sin_port = htons(port);
}

/* rest: behind "tcp://". */
static const char *parse_tcp(const char *rest, struct evd_address *address)
{
    char host[256]; /* a DNS name has at most 253 bytes */
    uint64_t port = 0;
    const char *colon = strrchr(rest, ':');

    if (colon == NULL || strchr(colon, ']') != NULL)
        return "the port is missing";
    if (evd_parse_uint(colon + 1, 0, 65535, &port, NULL) < 0)
        return "the port is a number from 0 to 65535";
    bool bracketed = *rest == '[';
    if (bracketed && colon[-1] != ']')
        return "the bracket is not closed before the port";
    const char *first = rest + bracketed, *end = colon - bracketed;
    size_t len = (size_t)(end - first);
    if (len >= sizeof host)
        return "the host is too long";
    memcpy(host, first, len);
    host[len] = '\0';
    const char *why = parse_host(host, bracketed, address);
    if (why == NULL)
        set_port(address, (uint16_t)port);
    return why;
}

/* path: behind "unix://". */
static const char *parse_unix(const char *path, struct evd_address *address)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->addr;
    size_t len = strlen(path);

    if (*path != '/' || len == 1)
        return "the path of the socket starts with / and names a file";
    if (len >= sizeof un->sun_path)
        return "the path of a socket has at most 107 bytes";
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len + 1);
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return NULL;
}

int evd_parse_address(const char *text, struct evd_address *ret_address,
                      struct evd_error *ret_error)
{
    struct evd_address address = {.len = 0};
    const char *why = "it starts with neither tcp:// nor unix://";

    if (strncmp(text, "tcp://", 6) == 0)
        why = parse_tcp(text + 6, &address);
    else if (strncmp(text, "unix://", 7) == 0)
        why = parse_unix(text + 7, &address);
    if (why != NULL)
        return bad_address(text, why, ret_error);
    *ret_address = address;
    return EVD_OK;
}

const char *evd_format_address(const struct evd_address *address, char *out, size_t cap)
{
    const struct sockaddr *addr = (const struct sockaddr *)&address->addr;
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (addr->sa_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)&address->addr;
        size_t before = offsetof(struct sockaddr_un, sun_path);
        size_t len = address->len > before ? address->len - before : 0; /* unnamed: nothing */
        (void)snprintf(out, cap, "unix://%.*s", (int)strnlen(un->sun_path, len), un->sun_path);
    } else if (getnameinfo(addr, address->len, host, sizeof host, port, sizeof port,
                           NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        bool six = addr->sa_family == AF_INET6;
        (void)snprintf(out, cap, six ? "tcp://[%s]:%s" : "tcp://%s:%s", host, port);
    } else {
        (void)snprintf(out, cap, "unknown");
    }
    return out;
}
