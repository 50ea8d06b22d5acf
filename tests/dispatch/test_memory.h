/* Memory that is counted and can be made to fail. The linker sends the calls of all that is linked
 * into a test to memory.c: EVD_WRAP_MEMORY in tests/CMakeLists.txt. The C library's own calls, and
 * those of shared objects, are not seen. Counters are a thread's own. */
#ifndef EVD_TEST_MEMORY_H
#define EVD_TEST_MEMORY_H

#include <stddef.h>

struct test_memory {
    size_t asked;     /* allocations asked for since test_memory_fail() */
    size_t freed;     /* blocks given back since then */
    long held;        /* blocks not given back, since the thread began */
    size_t fail_from; /* the number of the first allocation that fails, from 1; 0: none */
    size_t fail_to;   /* the number of the last */
};

extern _Thread_local struct test_memory test_memory;

/* From here on, allocations number `from` to `to` fail, counted from 1; 0: none fails. */
void test_memory_fail(size_t from, size_t to);

#endif
