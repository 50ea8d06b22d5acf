/* What a run came to, and how it is told. */
#ifndef LG_RESULT_H
#define LG_RESULT_H

#include "account.h"
#include "bystander.h"
#include "check.h"
#include "histogram.h"
#include "metrics.h"
#include "options.h"
#include "sample.h"
#include "scenario.h"
#include "stationary.h"

#include <stdio.h>

#define LG_INVALID_MAX    16
#define LG_STATUS_INVALID 3 /* exit status, with --fail-on-invalid */

struct lg_result {
    const struct lg_run_options *options;
    const struct lg_scenario *scenario;
    char started[32]; /* UTC, ISO 8601 */
    char congestion[LG_CONGESTION_MAX];

    uint64_t measured_ns; /* as long as planned, unless interrupted */
    int interrupted;      /* the signal, or 0 */
    struct lg_account accounts[LG_WINDOWS];
    uint64_t ok_in_window; /* good replies that arrived within the measured window */
    uint64_t unsolicited;  /* replies to nothing, in the whole run */
    uint64_t reconnects;   /* in the whole run */
    uint64_t resent;       /* requests that went out again on another connection; --retry */
    uint64_t renewed;      /* connections closed and made again by --reconnect-every */
    struct lg_bystander_counts bystanders[LG_BYSTANDERS]; /* in the whole run */
    double throughput;                                    /* ok_in_window a second */
    /* Measured window, ns. woke_late + no_free_slot = lateness, for each request. */
    struct lg_histogram response, service, lateness, woke_late, no_free_slot;
    /* Of response: requests that were never answered, at their age (lg_outcome_is_censored()). */
    struct lg_histogram censored;
    struct lg_histogram wire; /* of those requests that the kernel stamped */
    uint64_t wire_lost;       /* requests asked for that lack a stamp */
    char wire_off[256];       /* "", or why the kernel stamps nothing although it was asked to */
    struct lg_histogram blocks[LG_BLOCKS]; /* response, by the part of the window it was due in */
    uint64_t sent_bytes, received_bytes;   /* measured window */

    uint64_t client_user_ns, client_system_ns; /* of the threads of load, measured window */
    uint64_t client_spun_ns;                   /* of that, in --spin, with nothing to do */
    uint64_t client_wait_ns;  /* its threads could have run, and waited for a CPU */
    double client_wait_share; /* of the time, of the thread that waited most */
    double server_wait_share; /* of the time */
    /* Busy, of one core for each thread: CPU time but spinning. And of the busiest thread. */
    double client_share, client_share_max;

    bool server_sampled;
    struct lg_process_sample server; /* what the measured window added */
    struct lg_process_memory server_memory;
    uint64_t server_calls;  /* answered between the same two samples */
    char server_error[256]; /* "", or why there is no sample although one was asked for */

    bool syscalls_counted;
    uint64_t server_syscalls;
    char syscalls_error[256]; /* "", or why not although it was asked for */
    bool metrics_sampled;
    struct lg_metrics metrics; /* the server's own, of the measured window */
    char metrics_error[256];

    char log_error[256]; /* "", or why the interval log is not whole */

    double steal_share; /* of all CPU time of the host */

    struct lg_first_bad first_bad;
    struct evd_error
        broken; /* status < 0: the run itself failed, or its accounting does not add up */
    char invalid[LG_INVALID_MAX][256];
    const char *invalid_causes[LG_INVALID_MAX]; /* LG_CAUSE_*, one for each of these */
    unsigned invalid_count;                     /* 0: valid */
    char note[256];                             /* "", or what to know of a valid run */
};

/* CPU time of the threads of load in the measured window, without what they span. A clock that ran
 * on while they were off their CPU may have counted more of that than there was. */
static inline uint64_t lg_busy_ns(uint64_t cpu_ns, uint64_t spun_ns)
{
    return cpu_ns > spun_ns ? cpu_ns - spun_ns : 0;
}

static inline uint64_t lg_client_busy_ns(const struct lg_result *result)
{
    return lg_busy_ns(result->client_user_ns + result->client_system_ns, result->client_spun_ns);
}

/* True: the response's quantile q is only known to be at least that much. An answer that never came
 * would have taken longer than it was waited for, so the ages that stand for such answers are right
 * censored, and a quantile with one at or below it is a lower bound (E. L. Kaplan, P. Meier,
 * "Nonparametric estimation from incomplete observations", JASA 53, 1958). Their estimate of it
 * would ask that being cut off says nothing about the time left; a timeout says that it is long. */
bool lg_result_is_lower_bound(const struct lg_result *result, double q);

/* verdict.c: fills in `invalid` and `broken` from the figures: why not to trust them. */
void lg_verdict(struct lg_result *result);

/* The exit status: 1 when a request went wrong or the run is broken; else 128 + the signal that
 * interrupted it, as a shell has it; else 3 when it is INVALID and --fail-on-invalid was given. */
int lg_result_status(const struct lg_result *result);

/* verdict.c: one line that says why the exit status is what it is; nothing where it is 0. */
void lg_result_why(const struct lg_result *result, FILE *out);

/* result.c: for people. */
void lg_result_table(const struct lg_result *result, FILE *out);

/* result_json.c: for programs; schema evdispatch.run/1 of docs/MEASURING.md, one line.
 * EVD_ERR_NO_MEMORY, EVD_ERR_SYSTEM (writing failed). */
int lg_result_json(const struct lg_result *result, FILE *out);

#endif
