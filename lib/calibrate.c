/* SPDX-License-Identifier: MIT */
#include "lib/calibrate.h"

/* Far more than any window has; a clock that stands still ends the loop. About 50 ms of port reads.
 */
#define READINGS_MAX 50000u

#define READINGS_PER_END 8

/* The narrowest of a few: a reading that was interrupted (by a hypervisor, or by another process on
 * the core of an emulator) is off by as much as that took. */
static struct calibrate_reading read_well(struct calibrate_reading (*read)(const void *context),
                                          const void *context)
{
    struct calibrate_reading best = read(context);
    for (unsigned i = 1; i < READINGS_PER_END; i++) {
        struct calibrate_reading next = read(context);
        if (next.width < best.width)
            best = next;
    }
    return best;
}

uint64_t calibrate_tsc(struct calibrate_reading (*read)(const void *context), const void *context,
                       uint64_t mask, uint64_t clock_hz)
{
    const uint64_t window = clock_hz / 1000 * CALIBRATE_WINDOW_US / 1000;
    struct calibrate_reading start = read_well(read, context);
    for (unsigned i = 0; i < READINGS_MAX; i++) {
        struct calibrate_reading now = read(context);
        uint64_t ticks;

        if (((now.ticks - start.ticks) & mask) < window)
            continue;
        now = read_well(read, context);
        ticks = (now.ticks - start.ticks) & mask;
        return (now.tsc - start.tsc) * clock_hz / ticks;
    }
    return 0;
}
