/* Children of a study: started pinned, waited for without polling, never left behind.
 *
 * A child is in a process group of its own, so that a Ctrl-C reaches the study alone, which then
 * ends its children in order; and it dies when the study dies (PR_SET_PDEATHSIG). */
#ifndef LG_STUDY_PROCESS_H
#define LG_STUDY_PROCESS_H

#include "dispatch/status.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lg_child {
    pid_t pid; /* 0: no child */
    int pidfd; /* pidfd_open(2): readable when the child has ended */
};

struct lg_spawn {
    char *const *argv; /* argv[0] is the path of the program */
    int cpu;           /* the one CPU it may run on; -1: any */
    int out, err;      /* its stdout and stderr; -1: /dev/null. Its stdin is /dev/null. */
};

int lg_child_start(const struct lg_spawn *spawn, struct lg_child *ret_child,
                   struct evd_error *ret_error);

/* SIGINT, SIGTERM and SIGHUP are blocked and arrive at this descriptor instead; *ret_before is what
 * to give lg_stop_close(). */
int lg_stop_open(sigset_t *ret_before, int *ret_fd, struct evd_error *ret_error);
void lg_stop_close(int fd, const sigset_t *before);

/* The signal that arrived at lg_stop_open()'s descriptor, 0 for none. Does not wait. */
int lg_stop_signal(int fd);

enum lg_wait { LG_WAIT_DONE, LG_WAIT_STOPPED, LG_WAIT_TIMEOUT };

/* Waits until the child has ended and reaps it; *ret_exit is its exit status, or 128 + its signal.
 * LG_WAIT_STOPPED as soon as `stop_fd` (-1: none) is readable, LG_WAIT_TIMEOUT after timeout_ms:
 * then the child still runs. */
enum lg_wait lg_child_wait(struct lg_child *child, int stop_fd, int timeout_ms, int *ret_exit);

/* Reads lines from `fd` until one is "listening on ADDRESS"; ADDRESS goes to out[cap]. The other
 * results leave out[0] = 0; LG_WAIT_DONE then says that the other end was closed. */
enum lg_wait lg_child_ready(int fd, int stop_fd, int timeout_ms, char *out, size_t cap);

/* SIGTERM, and SIGKILL when it has not ended within grace_ms. Reaps it. Returns whether SIGTERM was
 * enough; *ret_exit as above. Does nothing, and returns true, when there is no child. */
bool lg_child_stop(struct lg_child *child, int grace_ms, int *ret_exit);

/* CLOCK_MONOTONIC. */
uint64_t lg_now_ns(void);

#endif
