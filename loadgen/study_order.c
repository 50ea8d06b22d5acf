#include "study_order.h"

#include "rng.h"

/* Fisher and Yates. */
static void shuffle(struct lg_rng *rng, size_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)lg_rng_below(rng, i), kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}

/* A seed for one use in one block. Neighbouring seeds and blocks have nothing in common. */
static uint64_t seed_for(uint64_t seed, unsigned block, uint64_t use)
{
    uint64_t state = lg_splitmix64(&seed) ^ ((uint64_t)block << 8 | use);
    return lg_splitmix64(&state);
}

/* The arm in place `place` of row `row` of a square of n arms: Williams' 0, 1, n - 1, 2, n - 2,
 * ..., in each row one further on. */
static size_t square_at(size_t n, size_t row, size_t place)
{
    size_t step = place % 2 == 1 ? (place + 1) / 2 : (n - place / 2) % n;
    return (row + step) % n;
}

/* The arms of a pair in this block, as indices from 0. Draws the same numbers in each block of a
 * set: which arm has which number in the square, and in which order its rows are used. */
static void place_arms(struct lg_rng *rng, size_t n, size_t block_of_set, size_t *ret_arms)
{
    size_t names[LG_ARMS_MAX], rows[2][LG_ARMS_MAX];
    for (size_t i = 0; i < n; i++)
        names[i] = rows[0][i] = rows[1][i] = i;
    shuffle(rng, names, n);
    shuffle(rng, rows[0], n);
    shuffle(rng, rows[1], n);
    size_t mirrored = block_of_set / n, row = rows[mirrored][block_of_set % n];
    for (size_t place = 0; place < n; place++)
        ret_arms[place] = names[square_at(n, row, mirrored ? n - 1 - place : place)];
}

void lg_order_block(const struct lg_design *design, uint64_t seed, unsigned block,
                    size_t *ret_cells)
{
    struct lg_rng rng;
    size_t pairs[LG_SCENARIOS_MAX * LG_LOADS_MAX], places[LG_SCENARIOS_MAX * LG_LOADS_MAX];
    size_t pair_count = design->scenario_count * design->load_count, arms = design->arm_count;
    /* With an odd number of arms one square cannot balance neighbours; it and its mirror image do.
     */
    unsigned set = (unsigned)(arms % 2 == 0 ? arms : 2 * arms);

    lg_rng_init(&rng, seed_for(seed, block, 1));
    for (size_t i = 0; i < pair_count; i++)
        pairs[i] = i;
    shuffle(&rng, pairs, pair_count);
    for (size_t i = 0; i < pair_count; i++)
        places[pairs[i]] = i;
    lg_rng_init(&rng, seed_for(seed, block / set, 3));
    for (size_t pair = 0; pair < pair_count; pair++) {
        size_t *cells = ret_cells + places[pair] * arms;
        place_arms(&rng, arms, block % set, cells);
        for (size_t i = 0; i < arms; i++)
            cells[i] += pair * arms;
    }
}

uint64_t lg_order_load_seed(uint64_t seed, unsigned block)
{
    return seed_for(seed, block, 2) >> 11;
}
