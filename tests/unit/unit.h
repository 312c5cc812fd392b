/* SPDX-License-Identifier: MIT */
/* Common to all unit tests: cmocka with the headers it asks for, and random numbers that can be had
 * again. */
#ifndef PVT_TESTS_UNIT_UNIT_H
#define PVT_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/bits.h"
#include "lib/random.h"

#define UNIT_SEED_DEFAULT 20250101

/* Seeds from the environment variable UNIT_SEED, or the same numbers as ever, and prints which. */
static inline struct random unit_random(void)
{
    const char *text = getenv("UNIT_SEED");
    uint64_t seed = text && *text != '\0' ? strtoull(text, NULL, 0) : UNIT_SEED_DEFAULT;
    struct random r;

    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    random_seed(&r, seed);
    return r;
}

#endif
