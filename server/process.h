/* What the kernel says of this process: the process_* metrics that Prometheus clients share. */
#ifndef EVD_PROCESS_H
#define EVD_PROCESS_H

#include <stdint.h>

struct evd_process {
    uint64_t cpu_ns;                        /* user and system, of all threads */
    uint64_t resident_bytes, virtual_bytes; /* 0: /proc does not say */
    uint64_t open_fds, max_fds;             /* max_fds 0: no limit */
    uint64_t threads;
};

void evd_process_read(struct evd_process *ret_process);

#endif
