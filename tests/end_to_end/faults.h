/* Faults on order: shared between a test and faults_preload.c in the server that it runs. */
#ifndef EVD_TEST_FAULTS_H
#define EVD_TEST_FAULTS_H

#include <stdatomic.h>

#define FAULTS_FILE "EVD_TEST_FAULTS" /* the variable that names the file that holds these */

enum fault_kind {
    FAULT_NONE,        /* nothing is counted */
    FAULT_ALLOCATIONS, /* malloc, calloc, realloc give NULL */
    FAULT_TABLES,      /* realloc alone: what libev asks for */
    FAULT_CALLS,       /* system calls fail as they do for want of kernel memory or descriptors */
    FAULT_INTERRUPTS,  /* every other one of them gives EINTR; from and to mean nothing */
    FAULT_SHORT,       /* reads and writes move one byte; the same */
    FAULT_ACCEPT,      /* accept4 gives EMFILE */
};

struct faults {
    _Atomic int kind;
    _Atomic long asked;    /* sites that were passed since this was set to 0 */
    _Atomic long from, to; /* the numbers, from 1, of those that fail */
    _Atomic long held;     /* blocks that are allocated */
};

#endif
