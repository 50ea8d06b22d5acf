/* The order of a study's trials: randomised complete blocks. */
#ifndef LG_STUDY_ORDER_H
#define LG_STUDY_ORDER_H

#include "study_design.h"

#include <stdint.h>

/* The order of block `block` (from 0): a permutation of all cells (lg_design_cell()), in
 * ret_cells[lg_design_cells()]. The pairs of scenario and load come in random order, and within a
 * pair its arms stand next to each other, in random order: so what is compared is close in time.
 * The same seed and block give the same order. */
void lg_order_block(const struct lg_design *design, uint64_t seed, unsigned block,
                    size_t *ret_cells);

/* The seed of the load of a block: the same for all arms, so that they get the same arrivals.
 * Below 2^53, so that any JSON reader keeps it whole. */
uint64_t lg_order_load_seed(uint64_t seed, unsigned block);

#endif
