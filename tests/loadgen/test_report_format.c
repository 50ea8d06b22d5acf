/* Numbers as they stand in a report. */
#include "loadgen/report_doc.h"
#include "loadgen/report_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

static void test_values(void **state)
{
    static const struct {
        double value;
        enum lg_unit unit;
        const char *text;
    } table[] = {
        {1234567, LG_UNIT_RATE, "1.23 M/s"},
        {999600, LG_UNIT_RATE, "1.00 M/s"},
        {20149, LG_UNIT_RATE, "20.1 k/s"},
        {512.4, LG_UNIT_RATE, "512/s"},
        {421, LG_UNIT_US, "0.421 µs"},
        {46123, LG_UNIT_US, "46.1 µs"},
        {9996, LG_UNIT_US, "10.0 µs"},
        {1234567, LG_UNIT_US, "1,235 µs"},
        {3210000, LG_UNIT_MS, "3.21 ms"},
        {4781507, LG_UNIT_MIB, "4.56 MiB"},
        {999.4, LG_UNIT_TIME, "999 ns"},
        {999.6, LG_UNIT_TIME, "1.00 µs"},
        {8379000, LG_UNIT_TIME, "8.38 ms"},
        {-2e9, LG_UNIT_TIME, "-2.00 s"},
        {0.9764, LG_UNIT_RATIO, "0.976"},
        {1.02, LG_UNIT_RATIO, "1.020"},
        {0.02137, LG_UNIT_RATIO, "0.0214"},
        {46.19, LG_UNIT_RATIO, "46.2"},
        {NAN, LG_UNIT_RATE, "-"},
        {INFINITY, LG_UNIT_US, "-"},
    };
    char out[LG_PRINT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        assert_string_equal(lg_print_value(table[i].value, table[i].unit, out), table[i].text);
    assert_string_equal(lg_print_count(1234567, out), "1,234,567");
    assert_string_equal(lg_print_count(123, out), "123");
    assert_string_equal(lg_print_size(64, out), "64 B");
    assert_string_equal(lg_print_size(16384, out), "16 KiB");
    assert_string_equal(lg_print_size(1536, out), "1.50 KiB");
    assert_string_equal(lg_print_size(4194304, out), "4 MiB");
    assert_string_equal(lg_print_size(5e12, out), "4,657 GiB");
    assert_string_equal(lg_print_size(NAN, out), "-");
    assert_string_equal(lg_print_number(NAN, out), "-");
    assert_string_equal(lg_print_number(INFINITY, out), "-");
    assert_string_equal(lg_print_number(0, out), "0");
    assert_string_equal(lg_print_tic(0.05, out), "0.05");
    assert_string_equal(lg_print_tic(0.1, out), "0.1");
    assert_string_equal(lg_print_tic(2, out), "2");
    assert_string_equal(lg_print_tic(50000, out), "50,000");
}

/* Bounds keep the unit and the decimals of what they stand beside. */
static void test_bounds(void **state)
{
    struct lg_interval rate = {
        .estimate = 1.0e6, .low = 0.985e6, .high = 1.0149e6, .bounded = true};
    struct lg_interval ratio = {.estimate = 1.003, .low = 0.98, .high = 1.0261, .bounded = true};
    struct lg_interval extra = {.estimate = -2.4, .low = -16.63, .high = 11.88, .bounded = true};
    char out[LG_PRINT_MAX], value[LG_PRINT_MAX];
    (void)state;
    assert_string_equal(lg_print_bounds(&rate, LG_UNIT_RATE, out), "[0.98, 1.01]");
    assert_string_equal(lg_print_bounds(&ratio, LG_UNIT_RATIO, out), "[0.980, 1.026]");
    lg_print_difference_ns(&extra, value, out);
    assert_string_equal(value, "-2.4 ns");
    assert_string_equal(out, "[-16.6, 11.9]");
    ratio.bounded = false;
    assert_string_equal(lg_print_bounds(&ratio, LG_UNIT_RATIO, out), "");
}

static void test_words(void **state)
{
    char out[LG_PRINT_MAX];
    (void)state;
    assert_string_equal(lg_print_change(0.951, "faster", "slower", out), "4.9 % slower");
    assert_string_equal(lg_print_change(1.2, "faster", "slower", out), "20.0 % faster");
    assert_string_equal(lg_print_change(0.027, "faster", "slower", out), "37 times slower");
    assert_string_equal(lg_print_change(3.42, "slower", "faster", out), "3.4 times slower");
    assert_string_equal(lg_print_share(0.00321, out), "0.32 %");
    assert_string_equal(lg_print_share(0.123, out), "12 %");
    assert_string_equal(lg_print_share(-0.00002, out), "0 %");
}

/* Text of others can neither start markup nor be cut within a character. */
static void test_plain(void **state)
{
    char out[8];
    (void)state;
    assert_string_equal(lg_doc_plain("a`b*\n", out, sizeof(out)), "a'b# ");
    assert_string_equal(lg_doc_plain("123456µs", out, sizeof(out)), "123456");
    assert_string_equal(lg_doc_plain("12345µs", out, sizeof(out)), "12345µ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
