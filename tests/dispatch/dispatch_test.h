/* What the tests of dispatch share: cmocka, a sink that remembers what it was given, a log that
 * remembers its lines, and one call from event to answer. */
#ifndef EVD_DISPATCH_TEST_H
#define EVD_DISPATCH_TEST_H

#include "dispatch/dispatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define TEST_TEXT_MAX (256 * 1024) /* bytes of an answer that a sink keeps */
#define TEST_LINES    64           /* lines that a log keeps */

/* ---- Where an answer goes. ---- */

struct test_sink {
    struct evd_sink sink; /* first */
    int replies, fails;   /* how often each was called */
    int refuse;           /* a negative status: what reply() returns instead of taking the answer */
    size_t len;           /* of text */
    char text[TEST_TEXT_MAX + 1]; /* the reply, or the message of the error */
    char code[64];                /* of the error; "" after a reply */
};

void test_sink_init(struct test_sink *sink);

/* ---- What was logged. ---- */

struct test_log {
    size_t count;
    char lines[TEST_LINES][1024];
};

/* An evd_log_fn; context is a struct test_log. */
void test_log_line(void *context, enum evd_log_level level, const char *text);

/* How many lines contain both texts (either may be ""). */
size_t test_log_count(const struct test_log *log, const char *a, const char *b);

/* ---- What the process holds. ---- */

/* Lines of a file, /proc/self/maps mostly, that contain a text; "": all. */
size_t test_count_lines(const char *path, const char *text);

/* Entries of /proc/self/fd. */
size_t test_count_descriptors(void);

/* ---- One call from event to answer. ---- */

struct test_call {
    struct evd_flight flight;
    struct evd_message message;
    struct test_sink sink;
};

/* Starts a call; what it borrows is the caller's. Returns as evd_dispatch_call. */
int test_start(struct evd_dispatch *dispatch, struct test_call *call, struct evd_slice event,
               struct evd_slice data);

/* Runs a call to its end, resuming at once whatever wait it asks for, and asserts that there was
 * exactly one answer. */
void test_run(struct evd_dispatch *dispatch, struct test_call *call, const char *event,
              const char *data);

/* Runs a call and asserts its answer. */
void test_expect_reply(struct evd_dispatch *dispatch, const char *event, const char *data,
                       const char *reply);

/* Runs a call and asserts its error; message NULL: the status's default text. */
void test_expect_error(struct evd_dispatch *dispatch, const char *event, const char *data,
                       int status, const char *message);

/* ---- Arms: the ways of dispatch that a suite runs for. ---- */

struct test_arm {
    const char *name, *backend;
    enum evd_dynamic_load dynamic_load;
    enum evd_instance_alloc instance_alloc;
    bool shared;  /* calls of a module share its state */
    bool at_once; /* modules are opened at the start */
};

extern const struct test_arm test_arms[];
extern const size_t test_arm_count;

/* The configuration of an arm over the fixture modules, which are linked in and are shared objects
 * in a folder alike. log may be NULL. */
struct evd_dispatch_config test_config(const struct test_arm *arm, struct test_log *log);

/* Opens, and fails the test with the error's text if that does not work. */
struct evd_dispatch *test_open(const struct evd_dispatch_config *config);

/* Runs every test of a suite for every arm, as "arm: test"; *state is the const struct test_arm.
 * Returns how many failed. */
struct test_case {
    const char *name;
    CMUnitTestFunction run;
};
int test_run_arms(const struct test_case *suite, size_t count);

/* The same for the arms of one backend, with a fixture for each test (*state is the arm before
 * setup). */
int test_run_backend(const char *backend, const struct test_case *suite, size_t count,
                     CMFixtureFunction setup, CMFixtureFunction teardown);

#define TEST_CASE(function)                                                                        \
    {                                                                                              \
#function, function                                                                        \
    }

#endif
