/* What `loadgen run` was asked for. */
#ifndef LG_OPTIONS_H
#define LG_OPTIONS_H

#include "profile.h"
#include "schedule.h"

#include "server/wire/args.h"
#include "server/wire/transport.h"

#include <sys/types.h>

#define LG_CONNECTIONS_MAX 16384
#define LG_DEPTH_MAX       4096
#define LG_THREADS_MAX     64
#define LG_CPUS_MAX        64
#define LG_TIMEOUT_MAX     UINT64_C(60000000000) /* ns: what the histogram can tell apart */
#define LG_CONGESTION_MAX  16                    /* TCP_CA_NAME_MAX of Linux */
#define LG_SPIN_MIN        UINT64_C(1000)        /* ns */
#define LG_SPIN_MAX        UINT64_C(1000000)
#define LG_QUANTILES_MAX   8
#define LG_ARM_MAX         63 /* bytes */
#define LG_WIRE_AUTO       UINT64_MAX
#define LG_WIRE_MAX        1000000

/* Texts are borrowed from argv. */
struct lg_run_options {
    int argc; /* the command as it was given, for the record */
    char **argv;

    const char *target;
    struct evd_address address;
    struct evd_slice host; /* of a TCP address, as --target says it; borrowed */
    const struct evd_transport *transport;
    const char *congestion; /* TCP_CONGESTION; unused on a Unix socket */

    const char *scenario;
    const char *payloads;             /* folder of the npm package, or NULL */
    const struct evd_codec *encoding; /* for all requests, or NULL: the scenario's */

    bool closed;   /* connections x depth in flight, always; else open loop at `rate` */
    uint64_t rate; /* requests per LG_RATE_UNIT seconds, the mean; 0 when closed */
    uint64_t rates[LG_STEPS_MAX]; /* one; both ends of a ramp; or steps */
    unsigned rate_count;
    bool ramp;
    enum lg_arrivals arrivals;
    uint64_t burst_on_ns, burst_off_ns;   /* 0 without bursts */
    unsigned connections, depth, threads; /* threads <= connections */
    uint64_t seed;

    struct lg_profile profile;
    bool retry; /* requests that the server did not take are kept for the next connection */

    uint64_t warmup_ns, duration_ns, timeout_ns, drain_ns;
    uint64_t spin_ns; /* polls for this long before a request is due; 0: does not */

    int cpus[LG_CPUS_MAX]; /* thread i is pinned to cpus[i % cpu_count] */
    unsigned cpu_count;    /* 0: not pinned */
    pid_t server_pid;      /* 0: not sampled */
    bool server_metrics;   /* look at the target's /metrics at both edges */
    bool server_syscalls;  /* count those of server_pid */
    /* One send in so many is stamped by the kernel; 0: none. LG_WIRE_AUTO: lg_wire_one_in(). */
    uint64_t wire_one_in;

    double quantiles[LG_QUANTILES_MAX]; /* to be told */
    unsigned quantile_count;
    bool quantiles_asked; /* by the user, who is told when responses are too few for one */

    const char *arm;     /* a name for what is measured, or NULL */
    const char *hlog;    /* file of the interval log, or NULL */
    const char *json;    /* file, "-" for stdout, or NULL */
    const char *compare; /* file of an earlier result, or NULL */
    bool fail_on_invalid;
    bool quiet; /* no live line, no table */
};

enum lg_options_result {
    LG_OPTIONS_RUN,
    LG_OPTIONS_HELP,    /* --help was asked for */
    LG_OPTIONS_VERSION, /* --version was */
};

extern const char lg_run_help[];

/* Reads argv[1..argc). Prints nothing. EVD_ERR_USAGE in words, or EVD_OK with *ret_result. */
int lg_options_parse(int argc, char **argv, struct lg_run_options *ret_options,
                     enum lg_options_result *ret_result, struct evd_error *ret_error);

/* One send in how many is stamped; 0: none. By itself about 250 a second of an open loop, which
 * costs 0.1 % of a core and gives a p99 in four seconds; of a closed one, whose rate nobody knows,
 * one in 64. */
uint64_t lg_wire_one_in(const struct lg_run_options *options);

/* "1000", "12.5", "20k", "1.5M" a second, per LG_RATE_UNIT seconds. EVD_ERR_USAGE. */
int lg_parse_rate(const char *text, uint64_t *ret_rate, struct evd_error *error);

/* "constant", "ramp", "steps". */
const char *lg_rate_shape(const struct lg_run_options *options);

/* "99.9", above 0 and up to 99.999, as 0.999. EVD_ERR_USAGE, without words. */
int lg_parse_percentile(const char *text, double *ret_quantile);

static inline bool lg_target_is_tcp(const struct lg_run_options *options)
{
    return options->address.addr.ss_family != AF_UNIX;
}

#endif
