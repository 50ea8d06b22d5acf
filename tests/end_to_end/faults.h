/* Faults on order: shared between a test and faults_preload.c in the server that it runs. */
#ifndef EVD_TEST_FAULTS_H
#define EVD_TEST_FAULTS_H

#include <stdatomic.h>

#define FAULTS_FILE "EVD_TEST_FAULTS" /* the variable that names the file that holds these */

enum fault_kind {
    FAULT_NONE,        /* nothing is counted */
    FAULT_ALLOCATIONS, /* malloc, calloc, realloc, and those that align, give NULL */
    FAULT_TABLES,      /* realloc alone: what libev asks for */
    FAULT_CALLS,       /* those of `calls` fail as they do for want of memory or descriptors */
    FAULT_INTERRUPTS,  /* every other system call gives EINTR; from and to mean nothing */
    FAULT_CLOCK,       /* each look at the wall clock finds it set by `from` seconds more */
    FAULT_SHORT,       /* reads and writes move one byte; the same */
};

enum fault_call {
    CALL_RECV = 1 << 0, /* and recvmsg */
    CALL_SEND = 1 << 1,
    CALL_ACCEPT = 1 << 2,
    CALL_EPOLL_CTL = 1 << 3, /* but EPOLL_CTL_DEL, which never fails */
    CALL_SETSOCKOPT = 1 << 4,
    CALL_SHUTDOWN = 1 << 5,
    CALL_EPOLL_WAIT = 1 << 6,
    CALL_EPOLL_CREATE = 1 << 7,
    CALL_EVENTFD = 1 << 8,
    CALL_PIPE = 1 << 9,
    CALL_INOTIFY = 1 << 10, /* to begin, and to watch a folder */
    CALL_MMAP = 1 << 11,
    CALL_THREAD = 1 << 12,
    CALL_SOCKET = 1 << 13,
    CALL_BIND = 1 << 14,
    CALL_LISTEN = 1 << 15,
    CALL_GETSOCKNAME = 1 << 16,
    CALL_OPEN = 1 << 17,
    CALL_FOPEN = 1 << 18,
    CALL_OPENDIR = 1 << 19,
    CALL_MEMFD = 1 << 20,
    CALL_SENDFILE = 1 << 21,
    CALL_RENAME = 1 << 22,
    CALL_STAT = 1 << 23, /* and lstat, fstat */
    CALL_PREAD = 1 << 24,
    CALL_FCNTL = 1 << 25,
    CALL_WRITE = 1 << 26, /* to stderr */
    CALL_SENDTO = 1 << 27,
    CALL_CONNECT = 1 << 28,
    CALL_GETSOCKOPT = 1 << 29,
    CALL_GETRANDOM = 1 << 30,
};
#define CALLS_SERVING                                                                              \
    (CALL_RECV | CALL_SEND | CALL_ACCEPT | CALL_EPOLL_CTL | CALL_SETSOCKOPT | CALL_SHUTDOWN)

struct faults {
    _Atomic int kind;
    _Atomic unsigned calls; /* enum fault_call */
    _Atomic long asked;     /* sites that were passed since this was set to 0 */
    _Atomic long from, to;  /* the numbers, from 1, of those that fail */
    _Atomic long held;      /* blocks that are allocated */
    _Atomic long
        orphans;        /* listening Unix sockets that were closed before their name was removed */
    _Atomic long waits; /* calls of epoll_wait, since this was set to 0 */
    _Atomic long long since_ms; /* when that was, on the test's monotonic clock */
};

#endif
