/* SPDX-License-Identifier: MIT */
/* TIME_REF_COUNT, which is one clock for the partition (DISC-11). */
#include "abi/msr.h"
#include "host/base/reference_time.h"
#include "host/cpu/cpu.h"
#include "host/cpu/msr.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"

#define UNITS_PER_SECOND      INT64_C(10000000)
#define UNITS_PER_MICROSECOND 10u

static struct synthetic_msr right_msr;
static uint64_t written;               /* units beyond the right count */
static uint64_t looked[HOST_CPUS_MAX]; /* when a processor read the clock first; 0: never */

/* How far the guest has moved its TSC, in units of the clock. */
static uint64_t by_tsc(const struct cpu *cpu)
{
    const int64_t hz = (int64_t)tsc_frequency(), ticks = (int64_t)cpu->guest->tsc_offset;

    return (uint64_t)(ticks / hz * UNITS_PER_SECOND + ticks % hz * UNITS_PER_SECOND / hz);
}

static uint64_t changed(const struct cpu *cpu, uint64_t count)
{
    if (looked[cpu->index] == 0)
        looked[cpu->index] = count;
    if (defect_active(DEFECT_REFERENCE_TIME_BY_TSC))
        count += by_tsc(cpu);
    if (defect_active(DEFECT_REFERENCE_TIME_OF_EACH) && cpu->index != 0)
        count -= looked[cpu->index];
    if (defect_active(DEFECT_REFERENCE_TIME_SLOW))
        count /= UNITS_PER_MICROSECOND;
    return count + written;
}

static bool read_msr(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    bool done = right_msr.read(cpu, msr, value);

    if (msr == HV_MSR_TIME_REF_COUNT)
        *value = changed(cpu, *value);
    return done;
}

static bool write_msr(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    if (msr != HV_MSR_TIME_REF_COUNT || !defect_active(DEFECT_REFERENCE_TIME_WRITABLE))
        return right_msr.write(cpu, msr, value);
    written = value - reference_time();
    return true;
}

void defects_install_reference_counter(void)
{
    if (ANY(DEFECT_REFERENCE_TIME_BY_TSC, DEFECT_REFERENCE_TIME_OF_EACH, DEFECT_REFERENCE_TIME_SLOW,
            DEFECT_REFERENCE_TIME_WRITABLE)) {
        right_msr = synthetic_msr;
        synthetic_msr.read = read_msr;
        synthetic_msr.write = write_msr;
    }
}
