/* The order of a study's trials: randomised complete blocks, balanced over places and neighbours
 * (Williams: Experimental designs balanced for the estimation of residual effects of treatments,
 * Australian Journal of Scientific Research A 2, 1949). */
#ifndef LG_STUDY_ORDER_H
#define LG_STUDY_ORDER_H

#include "study_design.h"

#include <stdint.h>

/* The order of block `block` (from 0): a permutation of all cells (lg_design_cell()), in
 * ret_cells[lg_design_cells()]. The pairs of scenario and load come in random order, and within a
 * pair its arms stand next to each other: so what is compared is close in time. Of n arms, each
 * stands in each place of a pair once in n blocks (from the first, the next n, ...), and right
 * behind each other arm once in n blocks, or, where n is odd, twice in 2 n: what one trial leaves
 * behind for the next (warm caches, a hot CPU, the hour) falls on all alike. Which arm begins, and
 * all else, is drawn at random. The same seed and block give the same order. */
void lg_order_block(const struct lg_design *design, uint64_t seed, unsigned block,
                    size_t *ret_cells);

/* The seed of the load of a block: the same for all arms, so that they get the same arrivals.
 * Below 2^53, so that any JSON reader keeps it whole. */
uint64_t lg_order_load_seed(uint64_t seed, unsigned block);

#endif
