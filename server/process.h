/* What the kernel says of this process: the process_* metrics that Prometheus clients share. */
#ifndef EVD_PROCESS_H
#define EVD_PROCESS_H

#include <stddef.h>
#include <stdint.h>

struct evd_process {
    uint64_t cpu_ns;                        /* user and system, of all threads */
    uint64_t resident_bytes, virtual_bytes; /* 0: /proc does not say */
    uint64_t open_fds, max_fds;             /* max_fds 0: no limit */
    uint64_t threads;
};

void evd_process_read(struct evd_process *ret_process);

/* Raises the soft limit on descriptors to the hard one. Returns how many are allowed then; SIZE_MAX
 * where there is no limit. */
size_t evd_process_allow_fds(void);

#endif
