/* What the fuzz targets share. A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput(), a line
 * in targets.txt and a folder corpus/NAME. libFuzzer drives it where the build is clang's with
 * EVD_SANITIZE=fuzzer; in every other build replay.c runs the corpus through it, as a test. */
#ifndef EVD_FUZZ_H
#define EVD_FUZZ_H

#include "dispatch/message.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What libFuzzer calls: https://llvm.org/docs/LibFuzzer.html */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* A finding. Not assert(): it holds in every build, and says where without a debugger. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s(): this does not hold: %s\n", __FILE__, __LINE__,     \
                          __func__, #condition);                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Takes one byte off the front; 0 when there is none. */
static inline unsigned fuzz_byte(struct evd_slice *in)
{
    if (in->len == 0)
        return 0;
    unsigned byte = (unsigned char)in->ptr[0];
    *in = evd_slice(in->ptr + 1, in->len - 1);
    return byte;
}

static inline struct evd_slice fuzz_input(const uint8_t *data, size_t size)
{
    return evd_slice((const char *)data, size);
}

/* A copy on the heap of just these bytes: a sanitizer sees one byte too far. free() it. */
static inline char *fuzz_copy(struct evd_slice in)
{
    char *copy = malloc(in.len > 0 ? in.len : 1);
    FUZZ_CHECK(copy != NULL);
    if (in.len > 0)
        memcpy(copy, in.ptr, in.len);
    return copy;
}

/* splitmix64 (Steele, Lea, Flood, 2014): the same numbers for the same seed. */
static inline uint64_t fuzz_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline size_t fuzz_below(uint64_t *state, size_t count)
{
    return (size_t)(fuzz_random(state) % count);
}

#endif
