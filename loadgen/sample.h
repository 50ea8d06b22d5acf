/* What the kernel tells about the server's process and about the host, read from outside. */
#ifndef LG_SAMPLE_H
#define LG_SAMPLE_H

#include "dispatch/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Counters: the difference of two samples is what happened between them. */
struct lg_process_sample {
    uint64_t wall_ns;            /* lg_now() */
    uint64_t cpu_ns;             /* exact: the process's CPU clock */
    uint64_t user_ns, system_ns; /* of it; in the kernel's ticks of 10 ms */
    uint64_t minor_faults;       /* pages that were given to it without, */
    uint64_t major_faults;       /* and with, a read from a disk */
    uint64_t context_switches;   /* of all its threads, voluntary or not */
    uint64_t wait_ns;            /* its threads could have run, and waited for a CPU */
};

struct lg_process_memory {
    uint64_t rss_bytes, rss_peak_bytes; /* VmRSS, VmHWM */
    uint64_t pss_bytes;                 /* shared pages split among their users; 0: not readable */
};

/* The wait_ns of a process; 0 where the kernel does not count it. */
uint64_t lg_sample_wait(pid_t pid);

/* That of the calling thread. */
uint64_t lg_sample_thread_wait(void);

/* EVD_ERR_SYSTEM in words: no such process, or not ours to look at. */
int lg_sample_process(pid_t pid, struct lg_process_sample *ret_sample, struct evd_error *ret_error);
int lg_sample_memory(pid_t pid, struct lg_process_memory *ret_memory, struct evd_error *ret_error);

/* Time of all CPUs in ticks since boot, and how much of it the hypervisor gave to others. */
struct lg_host_sample {
    uint64_t total, steal;
};

/* All zero if /proc/stat cannot be read. */
void lg_sample_host(struct lg_host_sample *ret_sample);

#endif
