/* What the tests of reloading share: a folder, a dispatch over it, and the ways a file is replaced.
 * Their linker options send inotify_init1(2), inotify_add_watch(2) and dlopen(3) here. */
#ifndef EVD_TEST_RELOAD_H
#define EVD_TEST_RELOAD_H

#include "dispatch_test.h"
#include "folder.h"

#include <limits.h>

#define OBJECT(name) TEST_OBJECTS_DIR "/" name ".so"

struct reload {
    const struct test_arm *arm;
    struct test_folder folder;
    struct test_log log;
    struct test_call call;
    struct evd_dispatch *dispatch;
    size_t descriptors, mappings; /* when the test began */
    unsigned written;             /* files, by reload_bytes() */
};

/* No inotify from here on; the errno that inotify_add_watch(2) fails with, 0: it does not. Loads
 * since it was set to 0. */
extern bool reload_no_inotify;
extern int reload_add_error;
extern unsigned reload_opened;

/* cmocka fixtures; *state is the arm before, the struct reload after. The second fails the test
 * when it leaves descriptors or mappings behind. */
int reload_setup(void **state);
int reload_teardown(void **state);

void reload_open(struct reload *r);

/* What the server's loop does before each call. */
void reload_watch(struct reload *r);
bool reload_is_call(const struct reload *r);
struct evd_dispatch_stats reload_stats(const struct reload *r);

/* The folder's path of a name; of static memory, good for the next three calls too. */
const char *reload_path(const struct reload *r, const char *name);

/* Replaces by rename, and takes note of it. */
void reload_put(struct reload *r, const char *name, const char *object);

/* Overwrites in place, or makes, and takes note of it. */
void reload_bytes(struct reload *r, const char *name, const char *bytes, size_t len);
void reload_overwrite(struct reload *r, const char *name, const char *object);

void reload_expect(struct reload *r, const char *event, uint64_t reply);
void reload_expect_none(struct reload *r, const char *event);

/* How many objects are loaded whose mapping shows this module's name. */
size_t reload_mapped(const char *name);

/* Runs a suite for both policies, once with inotify and, if both, once without. */
int reload_run(const struct test_case *suite, size_t count, bool both);

#endif
