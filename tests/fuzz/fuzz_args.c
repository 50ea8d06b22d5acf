/* The words of both programs' command lines, against a reading of their own. */
#include "fuzz.h"

#include "server/wire/args.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list);

/* No name goes to a resolver. */
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list)
{
    struct addrinfo numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST;
    bool name = strcmp(host, "localhost") == 0 && (hints->ai_flags & AI_NUMERICHOST) == 0;
    return __real_getaddrinfo(name ? "127.0.0.1" : host, service, &numeric, ret_list);
}

static void check_error(int rc, const struct evd_error *error)
{
    FUZZ_CHECK(rc == EVD_OK || rc == EVD_ERR_USAGE);
    FUZZ_CHECK(rc == EVD_OK || (error->status == rc && error->text[0] != '\0'));
}

/* Digits in front, as a double: exact enough to tell a wrong unit or a lost overflow. */
static void check_duration(const char *text)
{
    static const struct {
        const char *suffix;
        double ns;
    } units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"", 1e9}};
    struct evd_error error = {0};
    uint64_t ns = UINT64_MAX;
    int rc = evd_parse_duration(text, &ns, &error);
    check_error(rc, &error);
    size_t number = strspn(text, "0123456789.");
    double unit = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units && unit == 0; i++)
        if (strcmp(text + number, units[i].suffix) == 0)
            unit = units[i].ns;
    double expected = strtod(text, NULL) * unit;
    bool shaped = unit != 0 && number > 0 && text[0] != '.' && text[number - 1] != '.' &&
                  memchr(text, '.', number) == memrchr(text, '.', number);
    FUZZ_CHECK(rc < 0 || shaped);
    FUZZ_CHECK(rc < 0 || ns <= UINT64_C(2592000000000000));
    if (shaped && expected < 2.59e15)
        FUZZ_CHECK(rc == EVD_OK && (double)ns <= expected + 1 && (double)ns >= expected - 40);
    else if (shaped && expected > 2.593e15)
        FUZZ_CHECK(rc < 0);
}

static void check_size(const char *text)
{
    static const char *const suffixes[] = {"",   "b",   "k", "kb", "kib", "m",
                                           "mb", "mib", "g", "gb", "gib"};
    struct evd_error error = {0};
    uint64_t bytes = 0;
    int rc = evd_parse_size(text, 10, UINT64_C(1) << 40, &bytes, &error);
    check_error(rc, &error);
    size_t number = strspn(text, "0123456789");
    int shift = -1;
    for (int i = 0; i < (int)(sizeof suffixes / sizeof *suffixes); i++)
        if (strcasecmp(text + number, suffixes[i]) == 0)
            shift = i < 2 ? 0 : 10 * ((i - 2) / 3 + 1);
    double expected = shift < 0 || number == 0 ? -1 : strtod(text, NULL) * (double)(1u << shift);
    if (expected >= 10 && expected <= 0x1p40)
        FUZZ_CHECK(rc == EVD_OK && (double)bytes == expected);
    else
        FUZZ_CHECK(rc < 0);
}

static void check_uint(const char *text)
{
    struct evd_error error = {0};
    uint64_t value = 0;
    int rc = evd_parse_uint(text, 1, UINT64_MAX - 1, &value, &error);
    check_error(rc, &error);
    const char *first = text + strspn(text, "0");
    size_t digits = strspn(first, "0123456789");
    bool good = text[0] != '\0' && first[digits] == '\0' && digits > 0 &&
                (digits < 20 || (digits == 20 && strcmp(first, "18446744073709551614") <= 0));
    FUZZ_CHECK((rc == EVD_OK) == good);
    if (good) {
        char back[32];
        (void)snprintf(back, sizeof back, "%llu", (unsigned long long)value);
        FUZZ_CHECK(strcmp(back, first) == 0);
    }
}

/* What was read prints as something that reads as the same. */
static void check_address(const char *text)
{
    struct evd_error error = {0};
    struct evd_address address = {.len = 0}, again = {.len = 0};
    char printed[NI_MAXHOST + NI_MAXSERV + 16];
    int rc = evd_parse_address(text, &address, &error);
    check_error(rc, &error);
    char cut[8];
    if (rc < 0)
        return;
    FUZZ_CHECK(address.len > 0 && address.len <= sizeof address.addr);
    evd_format_address(&address, printed, sizeof printed);
    FUZZ_CHECK(evd_parse_address(printed, &again, &error) == EVD_OK);
    FUZZ_CHECK(again.len == address.len);
    FUZZ_CHECK(again.addr.ss_family == address.addr.ss_family);
    if (address.addr.ss_family == AF_INET6) { /* the zone's number is the system's */
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)&address.addr;
        const struct sockaddr_in6 *b = (const struct sockaddr_in6 *)&again.addr;
        FUZZ_CHECK(a->sin6_port == b->sin6_port &&
                   memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) == 0);
    } else {
        FUZZ_CHECK(memcmp(&again.addr, &address.addr, address.len) == 0);
    }
    evd_format_address(&address, cut, sizeof cut);
    FUZZ_CHECK(strnlen(cut, sizeof cut) < sizeof cut && strncmp(cut, printed, 7) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    FUZZ_CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_duration(text);
    check_size(text);
    check_uint(text);
    check_address(text);
    free(text);
    return 0;
}
