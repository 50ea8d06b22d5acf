/* The conformance suite of backends, in parts. Each part runs for every arm. */
#ifndef EVD_TEST_CONFORMANCE_H
#define EVD_TEST_CONFORMANCE_H

#include "dispatch_test.h"

extern const struct test_case conformance_answers[];
extern const size_t conformance_answers_count;
extern const struct test_case conformance_names[];
extern const size_t conformance_names_count;
extern const struct test_case conformance_state[];
extern const size_t conformance_state_count;
extern const struct test_case conformance_flights[];
extern const size_t conformance_flights_count;

#endif
