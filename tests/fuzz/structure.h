/* Mutation that knows what it mutates: most of what it makes gets past the first check of a reader,
 * to where the bytes have meaning. For libFuzzer only. */
#ifndef EVD_FUZZ_STRUCTURE_H
#define EVD_FUZZ_STRUCTURE_H

#include <stddef.h>
#include <stdint.h>

/* Each changes data[0..size) in place, to at most max_size bytes, and returns the new size.
 *
 * Frames: one is changed, doubled, dropped, moved or put in; its lengths are set right again, but
 * sometimes on purpose not. Lines: the same, and a member of one changed through cJSON. Plain:
 * libFuzzer's own. */
size_t structure_mutate_frames(uint8_t *data, size_t size, size_t max_size, uint64_t *random);
size_t structure_mutate_lines(uint8_t *data, size_t size, size_t max_size, uint64_t *random);
size_t structure_mutate_plain(uint8_t *data, size_t size, size_t max_size);

#endif
