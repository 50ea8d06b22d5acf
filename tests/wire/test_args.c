/* args.h: what the command lines take, and what they say to the rest. */
#include "server/wire/args.h"

#include "wire_test.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define SECOND       UINT64_C(1000000000)
#define DAY          (24 * 3600 * SECOND)
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The linker sends the library's getaddrinfo() here (--wrap): names are not asked of a network. */
int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list);

/* Joins the lists of two addresses. */
static int two_addresses(const char *first, const char *second, const struct addrinfo *hints,
                         struct addrinfo **ret_list)
{
    struct addrinfo *rest;
    int rc = __real_getaddrinfo(first, NULL, hints, ret_list);
    if (rc == 0)
        rc = __real_getaddrinfo(second, NULL, hints, &rest);
    if (rc == 0)
        (*ret_list)->ai_next = rest;
    return rc;
}

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list)
{
    if (strcmp(host, "six-first.example") == 0)
        return two_addresses("2001:db8::6", "192.0.2.4", hints, ret_list);
    if (strcmp(host, "four-first.example") == 0)
        return two_addresses("192.0.2.4", "192.0.2.5", hints, ret_list);
    if (strcmp(host, "six.example") == 0)
        return two_addresses("2001:db8::6", "2001:db8::7", hints, ret_list);
    if ((hints->ai_flags & AI_NUMERICHOST) == 0)
        return EAI_NONAME;
    return __real_getaddrinfo(host, service, hints, ret_list);
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {
        {"0", 0},
        {"2", 2 * SECOND},
        {"2s", 2 * SECOND},
        {"0.5", SECOND / 2},
        {"0.5s", SECOND / 2},
        {"500ms", SECOND / 2},
        {"250us", 250000},
        {"1us", 1000},
        {"0.25ms", 250000},
        {"0.001us", 1},
        {"2m", 120 * SECOND},
        {"1.5m", 90 * SECOND},
        {"1h", 3600 * SECOND},
        {"0.1h", 360 * SECOND},
        {"007", 7 * SECOND},
        {"1.000000001", SECOND + 1},
        {"1.0000000019", SECOND + 1}, /* what is below a nanosecond is dropped */
        {"0.30000000000000000000000000000000000000000000000000", 3 * SECOND / 10},
        {"2592000", 30 * DAY},
        {"720h", 30 * DAY},
        {"719.999999999999h", 30 * DAY - 36},
        {"43200m", 30 * DAY},
        {"2592000000000us", 30 * DAY},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        struct evd_error error;
        uint64_t ns = 12345;
        if (evd_parse_duration(good[i].text, &ns, &error) != EVD_OK)
            fail_msg("%s", error.text);
        if (ns != good[i].ns)
            fail_msg("%s gives %llu ns", good[i].text, (unsigned long long)ns);
    }
}

static void durations_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "s",
                                      "ms",
                                      ".",
                                      "-1",
                                      "-0",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1 s",
                                      "1.",
                                      "1.s",
                                      ".5",
                                      "1..5",
                                      "1.5.",
                                      "1.5.5",
                                      "1.5.5s",
                                      "1,5",
                                      "1e3",
                                      "0x10",
                                      "nan",
                                      "inf",
                                      "infinity",
                                      "5 parsecs",
                                      "1d",
                                      "1S",
                                      "1MS",
                                      "1ns",
                                      "1sec",
                                      "1ss",
                                      "1s2m",
                                      "1m30s",
                                      "1s1",
                                      "2592000.000000001",
                                      "2592001",
                                      "30.1d",
                                      "720.1h",
                                      "721h",
                                      "2592000000001us",
                                      "18446744073709551616",
                                      "18446744073709551615",
                                      "18446744073709551615h",
                                      "2251799813685248h",
                                      "36028797018963968",
                                      "99999999999999999999999999999999",
                                      "1\n",
                                      "\xd9\xa1"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct evd_error error = {.status = 0};
        uint64_t ns = 12345;
        if (evd_parse_duration(bad[i], &ns, &error) != EVD_ERR_USAGE)
            fail_msg("\"%s\" gives %llu ns", bad[i], (unsigned long long)ns);
        assert_int_equal(ns, 12345);
        assert_int_equal(error.status, EVD_ERR_USAGE);
        assert_non_null(strstr(error.text, bad[i]));
        assert_int_equal(evd_parse_duration(bad[i], &ns, NULL), EVD_ERR_USAGE);
    }
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"1", 1},
        {"4096", 4096},
        {"4096b", 4096},
        {"4096B", 4096},
        {"64k", 65536},
        {"64K", 65536},
        {"64kb", 65536},
        {"64kB", 65536},
        {"64KiB", 65536},
        {"64kib", 65536},
        {"1m", 1 << 20},
        {"1M", 1 << 20},
        {"1mb", 1 << 20},
        {"3MiB", 3 << 20},
        {"1g", 1 << 30},
        {"2GB", 2u << 30},
        {"2GiB", 2u << 30},
        {"0k", 0},
        {"00010", 10},
        {"18446744073709551615", UINT64_MAX},
        {"17179869183g", UINT64_C(17179869183) << 30},
        {"18014398509481983k", UINT64_C(18014398509481983) << 10},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        struct evd_error error;
        uint64_t bytes = 12345;
        if (evd_parse_size(good[i].text, 0, UINT64_MAX, &bytes, &error) != EVD_OK)
            fail_msg("%s", error.text);
        if (bytes != good[i].bytes)
            fail_msg("%s gives %llu", good[i].text, (unsigned long long)bytes);
    }
}

static void sizes_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "k",
                                      "b",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 k",
                                      "1.5k",
                                      "1kk",
                                      "1ki",
                                      "1i",
                                      "1ib",
                                      "1bb",
                                      "1kbb",
                                      "1kibs",
                                      "1t",
                                      "1kiBb",
                                      "64 KiB",
                                      "0x10",
                                      "1e3",
                                      "18446744073709551616",
                                      "17179869184g",
                                      "18014398509481984k",
                                      "99999999999999999999999999",
                                      "1k\n",
                                      "\x0b"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct evd_error error = {.status = 0};
        uint64_t bytes = 12345;
        if (evd_parse_size(bad[i], 0, UINT64_MAX, &bytes, &error) != EVD_ERR_USAGE)
            fail_msg("\"%s\" gives %llu", bad[i], (unsigned long long)bytes);
        assert_int_equal(bytes, 12345);
        assert_non_null(strstr(error.text, bad[i]));
    }
}

static void sizes_in_a_range(void **state)
{
    (void)state;
    struct evd_error error;
    uint64_t bytes;
    assert_int_equal(evd_parse_size("1k", 1024, 2048, &bytes, &error), EVD_OK);
    assert_int_equal(evd_parse_size("2k", 1024, 2048, &bytes, &error), EVD_OK);
    assert_int_equal(bytes, 2048);
    assert_int_equal(evd_parse_size("1023", 1024, 2048, &bytes, &error), EVD_ERR_USAGE);
    assert_int_equal(evd_parse_size("2049", 1024, 2048, &bytes, &error), EVD_ERR_USAGE);
    assert_int_equal(evd_parse_size("3k", 1024, 2048, &bytes, &error), EVD_ERR_USAGE);
    assert_string_equal(error.text, "size \"3k\" is not valid: use bytes or a number with k, m or "
                                    "g, from 1024 to 2048 bytes");
}

static void numbers(void **state)
{
    (void)state;
    struct evd_error error;
    uint64_t value = 0;
    assert_int_equal(evd_parse_uint("0", 0, 10, &value, &error), EVD_OK);
    assert_int_equal(value, 0);
    assert_int_equal(evd_parse_uint("10", 10, 10, &value, &error), EVD_OK);
    assert_int_equal(value, 10);
    assert_int_equal(evd_parse_uint("18446744073709551615", 0, UINT64_MAX, &value, &error), EVD_OK);
    assert_true(value == UINT64_MAX);
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "1k",
                                      "0x1",
                                      "ten",
                                      "11",
                                      "4",
                                      "1e1",
                                      "5\n",
                                      "18446744073709551616",
                                      "18446744073709551621"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        value = 12345;
        if (evd_parse_uint(bad[i], 5, 10, &value, &error) != EVD_ERR_USAGE)
            fail_msg("\"%s\" gives %llu", bad[i], (unsigned long long)value);
        assert_int_equal(value, 12345);
    }
    (void)evd_parse_uint("11", 5, 10, &value, &error);
    assert_string_equal(error.text, "number \"11\" is not valid: use a whole number from 5 to 10");
    assert_int_equal(evd_parse_uint("11", 5, 10, &value, NULL), EVD_ERR_USAGE);
}

static void texts_say_what_is_allowed(void **state)
{
    (void)state;
    struct evd_error error;
    uint64_t ns;
    struct evd_address address;
    assert_int_equal(evd_parse_duration("5 parsecs", &ns, &error), EVD_ERR_USAGE);
    assert_string_equal(error.text, "duration \"5 parsecs\" is not valid: use seconds or a number "
                                    "with us, ms, s, m or h, up to 30 days");
    assert_int_equal(evd_parse_address("tcp://127.0.0.1", &address, &error), EVD_ERR_USAGE);
    assert_string_equal(error.text,
                        "address \"tcp://127.0.0.1\" is not valid: the port is missing; use "
                        "tcp://HOST:PORT, tcp://[IPV6]:PORT or unix:///PATH");
    /* However long the input, what is allowed still stands there. */
    char text[1000];
    memset(text, '7', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(evd_parse_duration(text, &ns, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "up to 30 days"));
    assert_int_equal(evd_parse_size(text, UINT64_MAX, UINT64_MAX, &ns, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "to 18446744073709551615 bytes"));
    assert_int_equal(evd_parse_address(text, &address, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "or unix:///PATH"));
}

static void assert_formats(const struct evd_address *address, const char *text)
{
    char out[256];
    assert_ptr_equal(evd_format_address(address, out, sizeof out), out);
    assert_string_equal(out, text);
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *formatted; /* NULL: the same */
        int family;
        socklen_t len;
    } good[] = {
        {"tcp://127.0.0.1:8080", NULL, AF_INET, sizeof(struct sockaddr_in)},
        {"tcp://0.0.0.0:0", NULL, AF_INET, sizeof(struct sockaddr_in)},
        {"tcp://255.255.255.255:65535", NULL, AF_INET, sizeof(struct sockaddr_in)},
        {"tcp://127.0.0.1:080", "tcp://127.0.0.1:80", AF_INET, sizeof(struct sockaddr_in)},
        {"tcp://[::1]:0", NULL, AF_INET6, sizeof(struct sockaddr_in6)},
        {"tcp://[::]:443", NULL, AF_INET6, sizeof(struct sockaddr_in6)},
        {"tcp://[2001:DB8:0::1]:1", "tcp://[2001:db8::1]:1", AF_INET6, sizeof(struct sockaddr_in6)},
        {"tcp://[::ffff:1.2.3.4]:1", NULL, AF_INET6, sizeof(struct sockaddr_in6)},
        {"tcp://four-first.example:80", "tcp://192.0.2.4:80", AF_INET, sizeof(struct sockaddr_in)},
        {"tcp://six-first.example:80", "tcp://192.0.2.4:80", AF_INET, sizeof(struct sockaddr_in)},
        {"tcp://six.example:80", "tcp://[2001:db8::6]:80", AF_INET6, sizeof(struct sockaddr_in6)},
        {"unix:///run/x.sock", NULL, AF_UNIX, offsetof(struct sockaddr_un, sun_path) + 12},
        {"unix:///a b:c", NULL, AF_UNIX, offsetof(struct sockaddr_un, sun_path) + 7},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        struct evd_error error;
        struct evd_address address;
        if (evd_parse_address(good[i].text, &address, &error) != EVD_OK)
            fail_msg("%s", error.text);
        assert_int_equal(address.addr.ss_family, good[i].family);
        assert_int_equal(address.len, good[i].len);
        assert_formats(&address, good[i].formatted != NULL ? good[i].formatted : good[i].text);
    }
}

static void address_bytes_are_in_network_order(void **state)
{
    (void)state;
    struct evd_address address;
    assert_int_equal(evd_parse_address("tcp://1.2.3.4:258", &address, NULL), EVD_OK);
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address.addr;
    assert_memory_equal(&in->sin_addr, "\1\2\3\4", 4);
    assert_memory_equal(&in->sin_port, "\1\2", 2);
    assert_int_equal(evd_parse_address("tcp://[1:203::4]:258", &address, NULL), EVD_OK);
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address.addr;
    assert_memory_equal(&in6->sin6_addr, "\0\1\2\3\0\0\0\0\0\0\0\0\0\0\0\4", 16);
    assert_memory_equal(&in6->sin6_port, "\1\2", 2);
    assert_int_equal(in6->sin6_flowinfo, 0);
}

static void addresses_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "neither tcp:// nor unix://"},
        {"127.0.0.1:80", "neither tcp:// nor unix://"},
        {"http://127.0.0.1:80", "neither tcp:// nor unix://"},
        {"TCP://127.0.0.1:80", "neither tcp:// nor unix://"},
        {"tcp:/127.0.0.1:80", "neither tcp:// nor unix://"},
        {"tcp://", "port is missing"},
        {"tcp://127.0.0.1", "port is missing"},
        {"tcp://[::1]", "port is missing"},
        {"tcp://[", "port is missing"},
        {"tcp://[:", "0 to 65535"},
        {"tcp://[:80", "bracket is not closed"},
        {"tcp://[::1:80", "bracket is not closed"},
        {"tcp://[]:80", "only an IPv6 address stands in brackets"},
        {"tcp://[127.0.0.1]:80", "only an IPv6 address stands in brackets"},
        {"tcp://[localhost]:80", "only an IPv6 address stands in brackets"},
        {"tcp://[::g]:80", ""},
        {"tcp://[1:2:3]:80", ""},
        {"tcp://::1:80", "needs brackets"},
        {"tcp://:80", "host is missing"},
        {"tcp://127.0.0.1:", "0 to 65535"},
        {"tcp://127.0.0.1:65536", "0 to 65535"},
        {"tcp://127.0.0.1:-1", "0 to 65535"},
        {"tcp://127.0.0.1:+1", "0 to 65535"},
        {"tcp://127.0.0.1:80 ", "0 to 65535"},
        {"tcp://127.0.0.1:80/", "0 to 65535"},
        {"tcp://127.0.0.1:http", "0 to 65535"},
        {"tcp://127.0.0.1:18446744073709551617", "0 to 65535"},
        {"tcp://127.1:80", "four numbers"},
        {"tcp://256.0.0.1:80", "four numbers"},
        {"tcp://1.2.3.4.5:80", "four numbers"},
        {"tcp://2130706433:80", "four numbers"},
        {"tcp://nobody.example:80", "not known"},
        {"unix://", "starts with /"},
        {"unix:///", "starts with /"},
        {"unix://x.sock", "starts with /"},
        {"unix:/x.sock", "neither tcp:// nor unix://"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct evd_error error = {.status = 0};
        struct evd_address address = {.len = 77};
        if (evd_parse_address(bad[i].text, &address, &error) != EVD_ERR_USAGE)
            fail_msg("%s is taken", bad[i].text);
        if (strstr(error.text, bad[i].why) == NULL || strstr(error.text, bad[i].text) == NULL)
            fail_msg("%s: %s", bad[i].text, error.text);
        assert_int_equal(address.len, 77);
        assert_int_equal(evd_parse_address(bad[i].text, &address, NULL), EVD_ERR_USAGE);
    }
}

static void long_hosts_and_paths(void **state)
{
    (void)state;
    struct evd_error error;
    struct evd_address address;
    char text[600], path[200];
    (void)snprintf(text, sizeof text, "tcp://%0300d.example:80", 0);
    assert_int_equal(evd_parse_address(text, &address, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "too long"));

    (void)snprintf(path, sizeof path, "/%0106d", 0); /* 107 bytes: sun_path, unix(7), has 108 */
    (void)snprintf(text, sizeof text, "unix://%s", path);
    assert_int_equal(evd_parse_address(text, &address, &error), EVD_OK);
    assert_int_equal(address.len, sizeof(struct sockaddr_un));
    assert_formats(&address, text);
    (void)snprintf(text, sizeof text, "unix://%s0", path);
    assert_int_equal(evd_parse_address(text, &address, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "at most 107 bytes"));
}

static void zones_of_link_local_addresses(void **state)
{
    (void)state;
    struct evd_address address;
    char name[IF_NAMESIZE], text[64];
    if (if_indextoname(1, name) == NULL)
        skip();
    (void)snprintf(text, sizeof text, "tcp://[fe80::1%%%s]:9", name);
    assert_int_equal(evd_parse_address(text, &address, NULL), EVD_OK);
    assert_int_equal(((const struct sockaddr_in6 *)&address.addr)->sin6_scope_id, 1);
    assert_formats(&address, text);
}

static void format_is_cut_never_overrun(void **state)
{
    (void)state;
    struct evd_address address;
    static const char *const texts[] = {"tcp://127.0.0.1:8080", "tcp://[::1]:8080",
                                        "unix:///run/some.sock"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_int_equal(evd_parse_address(texts[i], &address, NULL), EVD_OK);
        for (size_t cap = 1; cap <= strlen(texts[i]) + 1; cap++) {
            char out[64];
            memset(out, 'x', sizeof out);
            (void)evd_format_address(&address, out, cap);
            assert_int_equal(strlen(out), cap - 1);
            assert_memory_equal(out, texts[i], cap - 1);
            assert_int_equal(out[cap], 'x');
        }
    }
}

/* As accept() and getpeername() give them. */
static void format_of_what_the_kernel_gives(void **state)
{
    (void)state;
    struct evd_address unnamed = {.addr.ss_family = AF_UNIX, .len = sizeof(sa_family_t)};
    memset((char *)&unnamed.addr + sizeof(sa_family_t), 'x', 20); /* not meant */
    assert_formats(&unnamed, "unix://");
    struct evd_address unterminated = {.addr.ss_family = AF_UNIX, .len = sizeof(sa_family_t) + 3};
    memcpy((char *)&unterminated.addr + sizeof(sa_family_t), "/abx", 4);
    assert_formats(&unterminated, "unix:///ab");
    struct evd_address other = {.addr.ss_family = AF_UNSPEC, .len = sizeof(sa_family_t)};
    assert_formats(&other, "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(durations_refused),
        cmocka_unit_test(sizes),
        cmocka_unit_test(sizes_refused),
        cmocka_unit_test(sizes_in_a_range),
        cmocka_unit_test(numbers),
        cmocka_unit_test(texts_say_what_is_allowed),
        cmocka_unit_test(addresses),
        cmocka_unit_test(address_bytes_are_in_network_order),
        cmocka_unit_test(addresses_refused),
        cmocka_unit_test(long_hosts_and_paths),
        cmocka_unit_test(zones_of_link_local_addresses),
        cmocka_unit_test(format_is_cut_never_overrun),
        cmocka_unit_test(format_of_what_the_kernel_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
