/* deadlines.h and budget.h, the clock in hand. */
#include "server/budget.h"
#include "server/deadlines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the four before it */

static void who_came_first_is_due_first(void **state)
{
    (void)state;
    struct evd_deadlines list;
    struct evd_deadline a = {0}, b = {0}, c = {0};
    evd_deadlines_init(&list, 100);
    assert_null(evd_deadlines_due(&list, UINT64_MAX));
    evd_deadline_set(&a, &list, 1000);
    evd_deadline_set(&b, &list, 1010);
    evd_deadline_set(&c, &list, 1020);
    assert_null(evd_deadlines_due(&list, 1099));
    assert_ptr_equal(evd_deadlines_due(&list, 1100), &a);
    evd_deadline_set(&a, &list, 1050); /* wound: behind the others */
    assert_null(evd_deadlines_due(&list, 1109));
    assert_ptr_equal(evd_deadlines_due(&list, 1110), &b);
    evd_deadline_clear(&b);
    assert_false(evd_deadline_is_set(&b));
    evd_deadline_clear(&b); /* twice is once */
    assert_ptr_equal(evd_deadlines_due(&list, 1120), &c);
    evd_deadline_set(&c, &list, 1130);
    evd_deadline_set(&c, &list, 1140); /* the last stays the last */
    assert_ptr_equal(evd_deadlines_due(&list, 2000), &a);
    evd_deadline_clear(&a);
    assert_null(evd_deadlines_due(&list, 1239));
    assert_ptr_equal(evd_deadlines_due(&list, 1240), &c);
}

static void an_entry_moves_between_lists(void **state)
{
    (void)state;
    struct evd_deadlines idle, stalled;
    struct evd_deadline a = {0};
    evd_deadlines_init(&idle, 100);
    evd_deadlines_init(&stalled, 10);
    evd_deadline_set(&a, &idle, 0);
    evd_deadline_set(&a, &stalled, 50);
    assert_null(evd_deadlines_due(&idle, 1000));
    assert_ptr_equal(evd_deadlines_due(&stalled, 60), &a);
}

static void zero_is_never_and_a_clock_behind_is_no_time(void **state)
{
    (void)state;
    struct evd_deadlines never, soon;
    struct evd_deadline a = {0}, b = {0};
    evd_deadlines_init(&never, 0);
    evd_deadlines_init(&soon, 5);
    evd_deadline_set(&a, &never, 0);
    evd_deadline_set(&b, &soon, 1000);
    assert_null(evd_deadlines_due(&never, UINT64_MAX));
    assert_null(evd_deadlines_due(&soon, 10)); /* read before the entry was set, on another CPU */
}

static void the_largest_is_found(void **state)
{
    (void)state;
    enum { HOLDERS = 500 };
    static struct evd_holder holders[HOLDERS];
    struct evd_budget budget;
    uint64_t seed = 7;
    evd_budget_init(&budget, 1000);
    assert_null(evd_budget_largest(&budget));
    for (int round = 0; round < 20000; round++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        size_t which = (size_t)(seed >> 33) % HOLDERS;
        size_t bytes = (seed >> 20) % 4 == 0 ? 0 : (size_t)(seed >> 40) % 100000;
        evd_budget_set(&budget, &holders[which], bytes);
        size_t held = 0, most = 0;
        for (size_t i = 0; i < HOLDERS; i++) {
            held += holders[i].bytes;
            most = holders[i].bytes > most ? holders[i].bytes : most;
        }
        assert_int_equal(budget.held, held);
        assert_true(budget.peak >= held);
        const struct evd_holder *largest = evd_budget_largest(&budget);
        assert_int_equal(largest != NULL, held > 0);
        if (largest != NULL)
            assert_true(largest->bytes * 2 > most && largest->bytes <= most);
    }
    for (size_t i = 0; i < HOLDERS; i++)
        evd_budget_set(&budget, &holders[i], 0);
    assert_null(evd_budget_largest(&budget));
    assert_int_equal(budget.held, 0);
}

static void tight_comes_before_over(void **state)
{
    (void)state;
    struct evd_budget budget;
    struct evd_holder holder = {0};
    evd_budget_init(&budget, 1000);
    const struct {
        size_t bytes;
        bool tight, over;
    } cases[] = {{750, false, false}, {751, true, false}, {1000, true, false}, {1001, true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        evd_budget_set(&budget, &holder, cases[i].bytes);
        assert_int_equal(evd_budget_is_tight(&budget), cases[i].tight);
        assert_int_equal(evd_budget_is_over(&budget), cases[i].over);
    }
    evd_budget_set(&budget, &holder, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_came_first_is_due_first),
        cmocka_unit_test(an_entry_moves_between_lists),
        cmocka_unit_test(zero_is_never_and_a_clock_behind_is_no_time),
        cmocka_unit_test(the_largest_is_found),
        cmocka_unit_test(tight_comes_before_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
