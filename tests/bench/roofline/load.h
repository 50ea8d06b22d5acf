/* The least that a client can do: keeps `depth` requests in flight on each of `connections`, from
 * one thread, and compares every byte that comes back. No schedule and no histogram: what it finds
 * is the highest rate of one server, for comparing two of them in the same run; latencies are the
 * business of loadgen. */
#ifndef ROOFLINE_LOAD_H
#define ROOFLINE_LOAD_H

#include "dispatch/message.h"
#include "dispatch/status.h"

#include <stdint.h>
#include <sys/types.h>

#define LOAD_CONNECTIONS_MAX 256
#define LOAD_DEPTH_MAX       256
#define LOAD_MESSAGE_MAX     1024 /* bytes of one request, or of one answer */

struct load_spec {
    unsigned port;          /* of 127.0.0.1 */
    const char *congestion; /* TCP_CONGESTION; NULL: the system's */
    struct evd_slice request, reply;
    unsigned connections, depth;
    uint64_t warmup_ns, duration_ns;
    pid_t server; /* whose CPU time is taken */
};

struct load_result {
    uint64_t replies;   /* in the measured time, all as they should be */
    uint64_t reads;     /* by which they came */
    uint64_t wall_ns;   /* the measured time */
    uint64_t server_ns; /* CPU of the server in it, user and system, all threads */
    uint64_t client_ns; /* CPU of this thread in it */
};

/* EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY, or EVD_ERR_BAD_DATA for an answer that is another; in words.
 */
int load_run(const struct load_spec *spec, struct load_result *ret_result,
             struct evd_error *ret_error);

#endif
