/* SPDX-License-Identifier: MIT */
/* TSC frequency from the hypervisor (TLFS "Timers" and "Feature discovery"). Reads CPUID only, sets
 * up nothing. */
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/trap.h"
#include "lib/calibrate.h"

#define CPUID_FEATURES           1u
#define CPUID_ECX_HYPERVISOR     (1u << 31)
#define CPUID_HV_VENDOR          0x40000000u
#define CPUID_HV_INTERFACE       0x40000001u
#define CPUID_HV_FEATURES        0x40000003u
#define HV_INTERFACE_HV1         0x31237648u /* "Hv#1" */
#define HV_EAX_REFERENCE_COUNTER (1u << 1)
#define HV_EAX_FREQUENCY_MSRS    (1u << 11)
#define HV_EDX_FREQUENCY_MSRS    (1u << 8)
#define MSR_HV_TIME_REF_COUNT    0x40000020u
#define MSR_HV_TSC_FREQUENCY     0x40000022u
#define REFERENCE_HZ             10000000u /* 100 ns units */
#define LOWEST_BELIEVABLE_TSC_HZ 1000000u

static struct cpuid_result features(void)
{
    const struct cpuid_result none = {0};
    if (!(cpu_cpuid(CPUID_FEATURES, 0).ecx & CPUID_ECX_HYPERVISOR) ||
        cpu_cpuid(CPUID_HV_VENDOR, 0).eax < CPUID_HV_FEATURES ||
        cpu_cpuid(CPUID_HV_INTERFACE, 0).eax != HV_INTERFACE_HV1)
        return none;
    return cpu_cpuid(CPUID_HV_FEATURES, 0);
}

uint64_t clock_hyperv_frequency(void)
{
    struct cpuid_result hv = features();
    uint64_t hz;
    if (!(hv.eax & HV_EAX_FREQUENCY_MSRS) || !(hv.edx & HV_EDX_FREQUENCY_MSRS) ||
        msr_read_safe(MSR_HV_TSC_FREQUENCY, &hz) != TRAP_NONE)
        return 0;
    return hz >= LOWEST_BELIEVABLE_TSC_HZ ? hz : 0;
}

static struct calibrate_reading reference_read(const void *context)
{
    uint64_t before;
    uint64_t ticks;

    (void)context;
    before = cpu_rdtsc();
    ticks = cpu_rdmsr(MSR_HV_TIME_REF_COUNT);
    return calibrate_reading_of(before, ticks, cpu_rdtsc());
}

uint64_t clock_hyperv_reference(void)
{
    uint64_t ticks;
    if (!(features().eax & HV_EAX_REFERENCE_COUNTER) ||
        msr_read_safe(MSR_HV_TIME_REF_COUNT, &ticks) != TRAP_NONE)
        return 0;
    return calibrate_tsc(reference_read, (const void *)0, UINT64_MAX, REFERENCE_HZ);
}
