/* How many system calls a process makes: counted by the kernel, where it lets us.
 *
 * perf_event_open(2) on the tracepoint raw_syscalls:sys_enter, one counter for each thread that
 * there is when it opens. While any is open, each system call of the whole machine takes the
 * kernel's slower way in, so this is only done when asked for. */
#ifndef LG_SYSCALLS_H
#define LG_SYSCALLS_H

#include "dispatch/status.h"

#include <stdint.h>
#include <sys/types.h>

#define LG_SYSCALL_THREADS_MAX 512

/* Zeroed: none. */
struct lg_syscalls {
    int fds[LG_SYSCALL_THREADS_MAX]; /* owned */
    unsigned count;
};

/* EVD_ERR_SYSTEM, in words: not permitted, no such tracepoint, more threads than that. Then nothing
 * is open. */
int lg_syscalls_open(struct lg_syscalls *syscalls, pid_t pid, struct evd_error *ret_error);

/* Their calls since they were opened. */
uint64_t lg_syscalls_read(const struct lg_syscalls *syscalls);

void lg_syscalls_close(struct lg_syscalls *syscalls);

#endif
