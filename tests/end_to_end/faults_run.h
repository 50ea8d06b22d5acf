/* Runs a server under faults_preload.c. */
#ifndef EVD_TEST_FAULTS_RUN_H
#define EVD_TEST_FAULTS_RUN_H

#include "faults.h"
#include "harness.h"

/* A fresh table of faults, and the variables that a server started from now on finds it by: call
 * faults_without() once it is started, so that nothing else does. */
struct faults *faults_map(void);
void faults_without(void);
void faults_unmap(struct faults *faults);

/* Numbers from `from` to `to` fail, of what is asked from now on. calls: of FAULT_CALLS. */
void faults_arm(struct faults *faults, enum fault_kind kind, unsigned calls, long from, long to);

/* Whether it has waited for something to do since then, other than by asking all the time: that is
 * hundreds of waits a millisecond, and what it has to do takes no more than one, and some. */
bool faults_it_sleeps(const struct faults *faults);

/* How many the server has open. */
size_t faults_descriptors(const struct server *server);

#endif
