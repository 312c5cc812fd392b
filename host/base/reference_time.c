/* SPDX-License-Identifier: MIT */
#include "host/base/reference_time.h"

#include "host/base/instructions.h"
#include "host/base/panic.h"
#include "lib/calibrate.h"

#define PM_TIMER_HZ   3579545u
#define PM_TIMER_MASK 0xFFFFFFu /* 24 bits in every implementation */
#define REFERENCE_HZ  10000000ull

static struct {
    uint64_t start, frequency;
    uint64_t scale; /* reference units per tick, times 2^64 */
} clock;

static struct calibrate_reading read_timer(const void *port)
{
    uint64_t before = cpu_rdtsc();
    uint32_t ticks = cpu_in32(*(const uint16_t *)port);

    return calibrate_reading_of(before, ticks, cpu_rdtsc());
}

void reference_time_init(uint16_t port)
{
    uint64_t low, high;

    clock.start = cpu_rdtsc();
    clock.frequency = calibrate_tsc(read_timer, &port, PM_TIMER_MASK, PM_TIMER_HZ);
    if (clock.frequency == 0)
        host_panic("the ACPI timer at port 0x%x does not count", port);
    if (clock.frequency <= REFERENCE_HZ)
        host_panic("the TSC runs at %lu Hz, too slow for the reference time", clock.frequency);
    /* 128 by 64 bits; the compiler would call a library function. The quotient fits as the divisor
     * is larger than the upper half. */
    low = 0;
    high = REFERENCE_HZ;

    __asm__("divq %2" : "+a"(low), "+d"(high) : "r"(clock.frequency) : "cc");
    clock.scale = low;
}

uint64_t reference_time(void)
{
    return (uint64_t)(((unsigned __int128)(cpu_rdtsc() - clock.start) * clock.scale) >> 64);
}

uint64_t tsc_frequency(void)
{
    return clock.frequency;
}
