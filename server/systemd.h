/* What a service manager passes in the environment, and is told: sd_listen_fds(3), sd_notify(3),
 * sd_watchdog_enabled(3). systemd documents the protocols as stable and meant to be implemented by
 * others; without the variables nothing here does anything. */
#ifndef EVD_SYSTEMD_H
#define EVD_SYSTEMD_H

#include "dispatch/status.h"

#include <stddef.h>
#include <stdint.h>

/* The descriptors that were passed to this process (LISTEN_PID, LISTEN_FDS), set to close on exec;
 * none where there are no such variables, or where they are for another process. They are taken out
 * of the environment. EVD_ERR_USAGE where there are more than max. */
int evd_systemd_listeners(int *fds, size_t max, size_t *ret_count, struct evd_error *ret_error);

/* Sends "READY=1" and the like to NOTIFY_SOCKET. EVD_OK too where there is none; EVD_ERR_SYSTEM. */
int evd_systemd_notify(const char *state, struct evd_error *ret_error);

/* WATCHDOG_USEC, in nanoseconds: how often at least "WATCHDOG=1" is waited for. 0: not at all. */
uint64_t evd_systemd_watchdog_ns(void);

#endif
