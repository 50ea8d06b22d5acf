/* Loops of libev over epoll, and what becomes of their failures. */
#ifndef EVD_LOOP_H
#define EVD_LOOP_H

#include "dispatch/status.h"

#include <ev.h>
#include <stdbool.h>

/* libev ends the process by abort() where a system call fails that a loop cannot do without. From
 * now on it ends with status 1, and a line on stderr that names the call and the reason. Once a
 * process: ev_set_syserr_cb() is a process's. */
void evd_loop_guard(void);

/* The default loop where `first`, else a new one; over epoll, as poll() and select() would be slow
 * or end at 1,024 descriptors. What libev would fail at without saying so is tried out before.
 * EVD_ERR_SYSTEM, *ret_error names the call and the reason. The loop is the caller's. */
int evd_loop_open(bool first, struct ev_loop **ret_loop, struct evd_error *ret_error);

#endif
