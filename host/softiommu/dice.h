/* SPDX-License-Identifier: MIT */
/* Random numbers of the RANDOM policy: splitmix64, repeatable from the seed. */
#ifndef PVT_HOST_SOFTIOMMU_DICE_H
#define PVT_HOST_SOFTIOMMU_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint32_t dice_roll(struct dice *dice)
{
    uint64_t z = dice->state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

/* 0 .. bound - 1. */
static inline uint32_t dice_below(struct dice *dice, uint32_t bound)
{
    return (uint32_t)((uint64_t)dice_roll(dice) * bound >> 32);
}

/* True once in `n` times. */
static inline bool dice_one_in(struct dice *dice, uint32_t n)
{
    return dice_below(dice, n) == 0;
}

#endif
