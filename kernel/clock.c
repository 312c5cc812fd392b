/* SPDX-License-Identifier: MIT */
#include "kernel/clock.h"

#include "kernel/cpu.h"
#include "kernel/fadt.h"
#include "lib/calibrate.h"

#define PM_TIMER_HZ      3579545u
#define PM_TIMER_24_BITS 0xFFFFFFu

#define PIT_HZ        1193182u
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND   0x43
#define PIT_CH2_MODE0                                                                              \
    0xB0 /* channel 2, low then high byte, interrupt on terminal count, binary                     \
          */
#define PIT_CH2_LATCH  0x80
#define PORT_SPEAKER   0x61
#define SPEAKER_GATE   0x01
#define SPEAKER_ENABLE 0x02

static struct calibrate_reading pm_timer_read(const void *context)
{
    uint64_t before = cpu_rdtsc();
    uint32_t ticks = acpi_address_read32(context);
    return calibrate_reading_of(before, ticks, cpu_rdtsc());
}

uint64_t clock_pm_timer(void)
{
    const struct fadt *fadt = acpi_fadt();
    struct acpi_address timer;
    uint64_t mask;

    if (!fadt || (fadt->flags & FADT_FLAG_HARDWARE_REDUCED) ||
        !FADT_REGISTER(fadt, pm_timer, &timer))
        return 0;
    mask = fadt->flags & FADT_FLAG_TIMER_32_BITS ? UINT32_MAX : PM_TIMER_24_BITS;
    return calibrate_tsc(pm_timer_read, &timer, mask, PM_TIMER_HZ);
}

static struct calibrate_reading pit_read(const void *context)
{
    uint64_t before;
    uint64_t after;
    unsigned count;

    (void)context;
    before = cpu_rdtsc();
    cpu_out8(PIT_COMMAND, PIT_CH2_LATCH);
    after = cpu_rdtsc();
    count = cpu_in8(PIT_CHANNEL_2);
    count |= (unsigned)cpu_in8(PIT_CHANNEL_2) << 8;
    return calibrate_reading_of(before, (0x10000u - count) & 0xFFFF, after);
}

uint64_t clock_pit(void)
{
    uint8_t speaker = cpu_in8(PORT_SPEAKER);
    uint64_t hz;

    cpu_out8(PORT_SPEAKER, (uint8_t)((speaker & ~SPEAKER_ENABLE) | SPEAKER_GATE));
    cpu_out8(PIT_COMMAND, PIT_CH2_MODE0);
    cpu_out8(PIT_CHANNEL_2, 0); /* counts down from 65536, 55 ms */
    cpu_out8(PIT_CHANNEL_2, 0);
    hz = calibrate_tsc(pit_read, (const void *)0, 0xFFFF, PIT_HZ);
    cpu_out8(PORT_SPEAKER, speaker);
    return hz;
}
