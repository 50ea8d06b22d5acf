#include "stamp.h"

void lg_stamp_asked(struct lg_stamp *stamp, size_t bytes, uint64_t first, uint64_t last)
{
    stamp->sent += (uint32_t)bytes;
    if (first == 0)
        return;
    stamp->state = LG_STAMP_ASKED;
    stamp->key = stamp->sent - 1;
    stamp->first = first;
    stamp->last = last;
}

bool lg_stamp_told(struct lg_stamp *stamp, uint32_t key, uint64_t tx_ns)
{
    if (stamp->state != LG_STAMP_ASKED || key != stamp->key)
        return false;
    stamp->state = LG_STAMP_TOLD;
    stamp->tx_ns = tx_ns;
    return true;
}

enum lg_stamp_verdict lg_stamp_answered(struct lg_stamp *stamp, uint64_t number, uint64_t rx_ns,
                                        uint64_t most_ns, uint64_t *ret_wire_ns)
{
    bool told = stamp->state == LG_STAMP_TOLD;

    if (stamp->state == LG_STAMP_NONE || number < stamp->first)
        return LG_STAMP_OTHER;
    if (number >= stamp->last)
        stamp->state = LG_STAMP_NONE;
    if (number > stamp->last)
        return LG_STAMP_OTHER;
    if (!told || rx_ns == 0 || rx_ns < stamp->tx_ns || rx_ns - stamp->tx_ns > most_ns)
        return LG_STAMP_LOST;
    *ret_wire_ns = rx_ns - stamp->tx_ns;
    return LG_STAMP_GOOD;
}

void lg_stamp_sampler_init(struct lg_stamp_sampler *sampler, uint64_t one_in, uint64_t seed)
{
    sampler->one_in = one_in;
    lg_rng_init(&sampler->rng, seed);
    sampler->left = one_in > 1 ? lg_rng_below(&sampler->rng, one_in) : 0;
}

bool lg_stamp_sample(struct lg_stamp_sampler *sampler, bool free)
{
    if (sampler->one_in == 0)
        return false;
    if (sampler->left > 0) {
        sampler->left--;
        return false;
    }
    if (!free)
        return false;
    /* 0 to 2 (one_in - 1) sends in between: one_in - 1 in the mean. */
    sampler->left = lg_rng_below(&sampler->rng, 2 * sampler->one_in - 1);
    return true;
}
