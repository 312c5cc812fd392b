/* SPDX-License-Identifier: MIT */
/* Repeatable random numbers: one state per user, seeded from the run's seed; never from time. */
#ifndef PVT_LIB_RANDOM_H
#define PVT_LIB_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *r, uint64_t seed);
uint64_t random_u64(struct random *r);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *r, uint64_t bound);

#endif
