#include "fuzz.h"
#include "structure.h"

#define CHOICES 2 /* bytes before the lines */

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint64_t random = seed;
    if (size < CHOICES || fuzz_below(&random, 16) == 0)
        return structure_mutate_plain(data, size, max_size);
    return CHOICES +
           structure_mutate_lines(data + CHOICES, size - CHOICES, max_size - CHOICES, &random);
}
