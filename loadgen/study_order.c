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

void lg_order_block(const struct lg_design *design, uint64_t seed, unsigned block,
                    size_t *ret_cells)
{
    struct lg_rng rng;
    size_t pairs[LG_SCENARIOS_MAX * LG_LOADS_MAX];
    size_t pair_count = design->scenario_count * design->load_count;

    lg_rng_init(&rng, seed_for(seed, block, 1));
    for (size_t i = 0; i < pair_count; i++)
        pairs[i] = i;
    shuffle(&rng, pairs, pair_count);
    for (size_t i = 0; i < pair_count; i++) {
        size_t *arms = ret_cells + i * design->arm_count;
        for (size_t arm = 0; arm < design->arm_count; arm++)
            arms[arm] = pairs[i] * design->arm_count + arm;
        shuffle(&rng, arms, design->arm_count);
    }
}

uint64_t lg_order_load_seed(uint64_t seed, unsigned block)
{
    return seed_for(seed, block, 2) >> 11;
}
