#include "test_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local struct test_memory test_memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__real_realloc(void *ptr, size_t size);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);
char *__wrap_strdup(const char *text);
int __wrap_asprintf(char **ret_text, const char *format, ...) __attribute__((format(printf, 2, 3)));

void test_memory_fail(size_t from, size_t to)
{
    test_memory.asked = test_memory.freed = 0;
    test_memory.fail_from = from;
    test_memory.fail_to = to;
}

static int fails(void)
{
    struct test_memory *m = &test_memory;
    m->asked++;
    return m->fail_from > 0 && m->asked >= m->fail_from && m->asked <= m->fail_to;
}

static void *hold(void *ptr)
{
    test_memory.held += ptr != NULL;
    return ptr;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : hold(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : hold(__real_calloc(count, size));
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return fails() ? NULL : hold(__real_aligned_alloc(align, size));
}

void *__wrap_realloc(void *ptr, size_t size)
{
    if (fails())
        return NULL;
    void *moved = __real_realloc(ptr, size);
    return ptr == NULL ? hold(moved) : moved;
}

void __wrap_free(void *ptr)
{
    test_memory.held -= ptr != NULL;
    test_memory.freed += ptr != NULL;
    __real_free(ptr);
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = fails() ? NULL : hold(__real_malloc(size));
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
    if (fails())
        return -1;
    va_list args;
    va_start(args, format);
    int len = vasprintf(ret_text, format, args);
    va_end(args);
    test_memory.held += len >= 0;
    return len;
}
