/* What every backend promises, by one suite that runs for every arm. A new backend without an arm
 * in support.c is noticed here. */
#include "conformance.h"

#include <string.h>

static void every_backend_has_an_arm(void **state)
{
    (void)state;
    size_t count = 0;
    for (const char *const *name = evd_backend_names; *name != NULL; name++, count++) {
        size_t arms = 0;
        for (size_t i = 0; i < test_arm_count; i++)
            arms += strcmp(test_arms[i].backend, *name) == 0;
        if (arms == 0)
            fail_msg("backend %s has no arm in support.c", *name);
    }
    assert_true(count >= 3);
}

int main(void)
{
    const struct CMUnitTest whole[] = {cmocka_unit_test(every_backend_has_an_arm)};
    int failed = cmocka_run_group_tests(whole, NULL, NULL);
    failed += test_run_arms(conformance_answers, conformance_answers_count);
    failed += test_run_arms(conformance_names, conformance_names_count);
    failed += test_run_arms(conformance_state, conformance_state_count);
    return failed + test_run_arms(conformance_flights, conformance_flights_count);
}
