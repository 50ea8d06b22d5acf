/* What both programs' command lines are made of: durations, sizes, counts, addresses. */
#ifndef EVD_ARGS_H
#define EVD_ARGS_H

#include "dispatch/status.h"

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* "2" (seconds), "0.5", "500ms", "250us", "2m", "1h" -> nanoseconds. Rejects negative, NaN,
 * trailing text, and more than 30 days. EVD_ERR_USAGE with a text that quotes the input and what is
 * allowed. */
int evd_parse_duration(const char *text, uint64_t *ret_ns, struct evd_error *ret_error);

/* "4096", "64k", "1m", "2g" (powers of 1,024; "kb", "KiB" too) -> bytes in [min, max]. */
int evd_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret_bytes,
                   struct evd_error *ret_error);

/* A decimal integer in [min, max]. */
int evd_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value,
                   struct evd_error *ret_error);

/* "1", "0,2-3": CPUs, in the order given, at most max. EVD_ERR_USAGE. */
int evd_parse_cpus(const char *text, int *cpus, unsigned max, unsigned *ret_count,
                   struct evd_error *ret_error);

struct evd_address {
    struct sockaddr_storage addr; /* sockaddr_in, sockaddr_in6 or sockaddr_un */
    socklen_t len;
};

/* "tcp://127.0.0.1:8080", "tcp://[::1]:0", "tcp://localhost:80", "unix:///run/x.sock". A name that
 * has both kinds of address gives an IPv4 one. Only a name asks the resolver, which may block. */
int evd_parse_address(const char *text, struct evd_address *ret_address,
                      struct evd_error *ret_error);

/* The same form back, NUL-terminated, cut at cap. Returns out. */
const char *evd_format_address(const struct evd_address *address, char *out, size_t cap);

#endif
