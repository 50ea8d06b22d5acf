/* What the tests of server/wire share: cmocka, and bytes that look random but are the same each
 * time. */
#ifndef EVD_WIRE_TEST_H
#define EVD_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void test_random_bytes(uint64_t *state, char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)test_random(state);
}

#endif
