/* SPDX-License-Identifier: MIT */
#include "lib/random.h"

/* xoshiro256** by Blackman and Vigna, seeded by splitmix64 so that seeds 0, 1, 2... give unrelated
 * sequences. */

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15ull;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t value, unsigned count)
{
    return (value << count) | (value >> (64 - count));
}

void random_seed(struct random *r, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++)
        r->state[i] = splitmix64(&seed);
}

uint64_t random_u64(struct random *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t random_below(struct random *r, uint64_t bound)
{
    /* The top 2^64 mod bound values would make the low results likelier: draw again. */
    uint64_t excess = (0 - bound) % bound;
    uint64_t value;

    do
        value = random_u64(r);
    while (value < excess);
    return value % bound;
}
