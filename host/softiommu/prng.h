/* SPDX-License-Identifier: MIT */
/* Random numbers of the RANDOM policy: splitmix64, repeatable from the seed. */
#ifndef PVT_HOST_SOFTIOMMU_PRNG_H
#define PVT_HOST_SOFTIOMMU_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

static inline uint32_t prng_next(struct prng *prng)
{
    uint64_t z = prng->state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

/* 0 .. bound - 1. */
static inline uint32_t prng_below(struct prng *prng, uint32_t bound)
{
    return (uint32_t)((uint64_t)prng_next(prng) * bound >> 32);
}

/* True once in `n` times. */
static inline bool prng_one_in(struct prng *prng, uint32_t n)
{
    return prng_below(prng, n) == 0;
}

#endif
