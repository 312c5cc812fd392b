/* SPDX-License-Identifier: MIT */
#include "kernel/time.h"

#include <stddef.h>

#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/time_internal.h"
#include "kernel/trap.h"
#include "lib/bits.h"

#define NS_PER_SECOND 1000000000ull
#define SCALE_SHIFT   32

static struct {
    uint64_t start, hz;
    uint64_t ns_per_tick; /* fixed point, SCALE_SHIFT bits of fraction */
    const char *source;
} clock = {.source = "none"};

#define USUAL_ANSWER_MS 1000u

static uint64_t answer_ms = USUAL_ANSWER_MS;

void time_set_start(uint64_t entry_tsc)
{
    clock.start = entry_tsc;
}

void time_init(void)
{
    static const struct {
        uint64_t (*measure)(void);
        const char *name;
    } sources[] = {
        {clock_hyperv_frequency, "Hyper-V TSC frequency MSR"},
        {clock_hyperv_reference, "Hyper-V reference counter"},
        {clock_pm_timer, "ACPI PM timer"},
        {clock_pit, "PIT"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(sources) && clock.hz == 0; i++) {
        clock.hz = sources[i].measure();
        clock.source = sources[i].name;
    }
    if (clock.hz == 0)
        panic("no clock to calibrate the TSC with: no Hyper-V time MSRs, no ACPI PM timer, no PIT");
    clock.ns_per_tick = (NS_PER_SECOND << SCALE_SHIFT) / clock.hz;
}

uint64_t time_tsc_hz(void)
{
    return clock.hz;
}

const char *time_source(void)
{
    return clock.source;
}

uint64_t time_ns(void)
{
    return (uint64_t)(((unsigned __int128)(cpu_rdtsc() - clock.start) * clock.ns_per_tick) >>
                      SCALE_SHIFT);
}

uint64_t time_us(void)
{
    return time_ns() / 1000;
}

bool time_wait(bool (*condition)(void *argument), void *argument, uint64_t timeout_us)
{
    uint64_t end = time_ns() + timeout_us * 1000;
    for (;;) {
        /* The clock first: if this processor is held up between the two, the condition still gets
         * its last chance. */
        bool late = time_ns() >= end;
        if (condition(argument))
            return true;
        if (late)
            return false;
        cpu_pause();
    }
}

void time_delay_us(uint64_t us)
{
    uint64_t end = time_ns() + us * 1000;
    while (time_ns() < end)
        cpu_pause();
}

uint64_t time_for_answer_us(uint64_t us)
{
    return us * answer_ms / USUAL_ANSWER_MS;
}

void time_allow_answers_ms(uint64_t ms)
{
    answer_ms = ms;
}
