/* SPDX-License-Identifier: MIT */
/* Clocks of known frequency, for measuring the TSC. */
#ifndef PVT_KERNEL_CLOCK_H
#define PVT_KERNEL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Each returns TSC ticks per second, or 0 when the machine does not have that clock or it does not tick. None takes
 * longer than CLOCK_WINDOW_US plus what the emulation adds. */
uint64_t clock_hyperv_frequency(void);
uint64_t clock_hyperv_reference(void);
uint64_t clock_pm_timer(void);
uint64_t clock_pit(void);

#define CLOCK_WINDOW_US 1000

/* A reading of a clock with the TSC in the middle of it, and how many TSC ticks it took. */
struct clock_reading {
    uint64_t tsc, ticks, width;
};

static inline struct clock_reading clock_reading_of(uint64_t before, uint64_t ticks, uint64_t after)
{
    return (struct clock_reading){.tsc = before + (after - before) / 2, .ticks = ticks, .width = after - before};
}

/* Runs from one reading to another that is `window_ticks` later; `mask` is the width of the counter. 0 = it does not
 * tick. */
uint64_t clock_measure(struct clock_reading (*read)(const void *context), const void *context, uint64_t mask,
                       uint64_t clock_hz, uint64_t window_ticks);

#endif
