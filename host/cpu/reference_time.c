/* SPDX-License-Identifier: MIT */
#include "host/cpu/reference_time.h"

#include "host/cpu/instructions.h"
#include "host/log.h"

#define PM_TIMER_HZ       3579545u
#define PM_TIMER_MASK     0xFFFFFFu /* 24 bits in every implementation */
#define CALIBRATION_TICKS (PM_TIMER_HZ * 2 / 1000)
#define CALIBRATION_READS 10000000u /* bound for a timer that stands still */
#define REFERENCE_HZ      10000000ull

static struct {
    uint64_t start, frequency;
    uint64_t scale; /* reference units per tick, times 2^64 */
} clock;

void reference_time_init(uint16_t port)
{
    uint32_t first = in32(port) & PM_TIMER_MASK, ticks = 0;
    uint64_t begin = rdtsc(), end = begin;

    for (unsigned reads = 0; ticks < CALIBRATION_TICKS; reads++) {
        if (reads == CALIBRATION_READS)
            host_die("the ACPI timer at port 0x%x does not count", port);
        ticks = (in32(port) - first) & PM_TIMER_MASK;
        end = rdtsc();
    }
    clock.frequency = (end - begin) * PM_TIMER_HZ / ticks;
    if (clock.frequency <= REFERENCE_HZ)
        host_die("the TSC runs at %lu Hz, too slow for the reference time", clock.frequency);
    /* 128 by 64 bits; the compiler would call a library function. The quotient fits as the divisor is larger than the
     * upper half. */
    uint64_t low = 0, high = REFERENCE_HZ;

    __asm__("divq %2" : "+a"(low), "+d"(high) : "r"(clock.frequency) : "cc");
    clock.scale = low;
    clock.start = begin;
}

uint64_t reference_time(void)
{
    return (uint64_t)(((unsigned __int128)(rdtsc() - clock.start) * clock.scale) >> 64);
}

uint64_t tsc_frequency(void)
{
    return clock.frequency;
}
