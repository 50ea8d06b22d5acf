/* fuzz_connection.c says what its input is. */
#include "fuzz.h"
#include "structure.h"

#define TAIL       2
#define EVENTS_MAX 255

/* The bytes of the clients, then the events, then what says how many these are. */
static size_t put_together(uint8_t *data, size_t stream, const uint8_t *events, size_t count,
                           uint8_t second)
{
    memcpy(data + stream, events, count);
    data[stream + count] = second;
    data[stream + count + 1] = (uint8_t)count;
    return stream + count + TAIL;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint64_t random = seed;
    uint8_t events[EVENTS_MAX + 1];
    size_t what = fuzz_below(&random, 16);
    if (size < TAIL || max_size < EVENTS_MAX + TAIL + 64 || what == 0)
        return structure_mutate_plain(data, size, max_size);
    size_t count = data[size - 1] < size - TAIL ? data[size - 1] : size - TAIL;
    uint8_t second = data[size - 2];
    size_t stream = size - TAIL - count;
    memcpy(events, data + stream, count);
    if (what <= 5) {
        count = structure_mutate_plain(events, count, EVENTS_MAX);
    } else if (what == 6) {
        second = (uint8_t)fuzz_random(&random);
    } else {
        size_t max = max_size - TAIL - count;
        if (stream > 0 && data[0] == 0xED)
            stream = structure_mutate_frames(data, stream, max, &random);
        else
            stream = structure_mutate_lines(data, stream, max, &random);
    }
    if (stream + count + TAIL > max_size)
        stream = max_size - count - TAIL;
    return put_together(data, stream, events, count, second);
}
