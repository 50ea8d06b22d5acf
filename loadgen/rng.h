/* Pseudo-random numbers that are the same everywhere for the same seed.
 *
 * SplitMix64 (Steele, Lea, Flood 2014) spreads a seed; xoshiro256** (Blackman, Vigna 2018) draws.
 */
#ifndef LG_RNG_H
#define LG_RNG_H

#include <stdint.h>

struct lg_rng {
    uint64_t s[4];
};

/* The next number of a SplitMix64 sequence whose state is *state. */
static inline uint64_t lg_splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void lg_rng_init(struct lg_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = lg_splitmix64(&seed);
}

static inline uint64_t lg_rng_next(struct lg_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t product = s[1] * 5;
    uint64_t result = ((product << 7) | (product >> 57)) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/* Uniform in [0, bound), bound > 0, without bias (Lemire 2019). */
static inline uint64_t lg_rng_below(struct lg_rng *rng, uint64_t bound)
{
    unsigned __int128 product = (unsigned __int128)lg_rng_next(rng) * bound;

    if ((uint64_t)product < bound) {
        uint64_t threshold = (0 - bound) % bound;

        while ((uint64_t)product < threshold)
            product = (unsigned __int128)lg_rng_next(rng) * bound;
    }
    return (uint64_t)(product >> 64);
}

/* Uniform in (0, 1]: its logarithm is finite. */
static inline double lg_rng_unit(struct lg_rng *rng)
{
    return (double)((lg_rng_next(rng) >> 11) + 1) * 0x1p-53;
}

#endif
