/* SPDX-License-Identifier: MIT */
/* How fast does the TSC run, by another clock whose frequency is known? For guest and reference
 * host. */
#ifndef PVT_LIB_CALIBRATE_H
#define PVT_LIB_CALIBRATE_H

#include <stdint.h>

/* How long a measurement takes, beside what the emulation adds: one part in a thousand is good
 * enough. */
#define CALIBRATE_WINDOW_US 1000

/* A reading of a clock with the TSC in the middle of it, and how many TSC ticks it took. */
struct calibrate_reading {
    uint64_t tsc, ticks, width;
};

static inline struct calibrate_reading calibrate_reading_of(uint64_t before, uint64_t ticks,
                                                            uint64_t after)
{
    return (struct calibrate_reading){
        .tsc = before + (after - before) / 2, .ticks = ticks, .width = after - before};
}

/* TSC ticks per second, by a clock of `clock_hz` whose counter is `mask` wide. 0 = the clock does
 * not tick. A reading in whose midst the processor was away for a while does not count. */
uint64_t calibrate_tsc(struct calibrate_reading (*read)(const void *context), const void *context,
                       uint64_t mask, uint64_t clock_hz);

#endif
