/* The clock of time-outs. */
#ifndef EVD_CLOCK_H
#define EVD_CLOCK_H

#include <stdint.h>

/* The monotonic clock in nanoseconds, to a few milliseconds; a read costs no system call. */
uint64_t evd_now_coarse(void);

#endif
