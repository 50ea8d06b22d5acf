/* A result to alter: of a run in which all went well. */
#ifndef RESULT_FIXTURE_H
#define RESULT_FIXTURE_H

#include "loadgen/result.h"

/* 1,000 requests in a second, 90 to 110 us each. */
struct fixture {
    struct lg_run_options options;
    struct lg_scenario scenario;
    struct lg_result result;
};

/* For cmocka_unit_test_setup_teardown(): *state is a struct fixture. */
int result_fixture_make(void **state);
int result_fixture_end(void **state);

#define FIXTURE_TEST(name)                                                                         \
    cmocka_unit_test_setup_teardown(name, result_fixture_make, result_fixture_end)

#endif
