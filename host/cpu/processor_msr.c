/* SPDX-License-Identifier: MIT */
/* MSRs of the processor whose writes are checked or carried out differently for a guest. */
#include "host/base/instructions.h"
#include "host/cpu/icr.h"
#include "host/cpu/msr.h"
#include "host/cpu/processors.h"
#include "host/platform/machine_rules.h"

#define PAT_ENTRIES 8

/* Bits that QEMU's processors with SVM have; the host's own features only add to them. */
#define EFER_GUEST_BITS              (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define CPUID_EXTENDED_FEATURES      0x80000001u
#define CPUID_EXTENDED_EDX_FAST_FXSR (1u << 25)

bool msr_passed_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    (void)cpu;
    return rdmsr_safe(msr, value);
}

bool msr_passed_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    (void)cpu;
    return wrmsr_safe(msr, value);
}

bool msr_zero_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    (void)cpu;
    (void)msr;
    *value = 0;
    return true;
}

bool msr_dropped_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    (void)cpu;
    (void)msr;
    (void)value;
    return true;
}

bool msr_tsc_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = cpu_rdtsc() + cpu->guest->tsc_offset;
    return true;
}

bool msr_tsc_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    (void)msr;
    cpu->guest->tsc_offset = value - cpu_rdtsc();
    return true;
}

/* The mode may change, the address and the boot processor bit may not: a moved APIC could cover the
 * host's memory. */
bool msr_apic_base_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    (void)cpu;
    if ((value ^ cpu_rdmsr(msr)) & ~(APIC_BASE_X2APIC | APIC_BASE_ENABLE))
        return false;
    return wrmsr_safe(msr, value);
}

/* QEMU's emulation accepts any content. 2, 3 and numbers above 7 are no memory types. */
bool msr_pat_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    for (unsigned entry = 0; entry < PAT_ENTRIES; entry++) {
        uint8_t type = (uint8_t)(value >> entry * 8);

        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    if (!wrmsr_safe(msr, value))
        return false;
    cpu->guest->g_pat = value;
    return true;
}

/* INIT takes a processor away from the host: QEMU resets it in spite of an intercept. The host
 * follows and takes it back.
 */
bool msr_x2apic_icr_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    uint64_t mode = value & ICR_MODE_MASK;

    if (!(cpu_rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC) || mode == ICR_MODE_SMI)
        return false;
    if (mode == ICR_MODE_INIT || mode == ICR_MODE_START)
        return processors_command(cpu, value);
    return wrmsr_safe(msr, value);
}

/* Entries of the local vector table: an SMI would run in the guest's hands, an INIT takes the
 * processor away. */
bool msr_x2apic_entry_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    (void)cpu;
    return delivery_allowed((uint32_t)value) && wrmsr_safe(msr, value);
}

/* SVME stays set in the real register, without it VMMCALL would raise #UD before the intercept is
 * looked at. */
bool msr_efer_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = cpu->guest->efer & ~EFER_SVME;
    return true;
}

bool msr_efer_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    uint64_t old = cpu->guest->efer, allowed = EFER_GUEST_BITS;

    (void)msr;
    if (cpu_cpuid(CPUID_EXTENDED_FEATURES, 0).edx & CPUID_EXTENDED_EDX_FAST_FXSR)
        allowed |= EFER_FFXSR;
    if (value & ~allowed)
        return false;
    if (((value ^ old) & EFER_LME) && (cpu->guest->cr0 & CR0_PG))
        return false;
    /* LMA is the processor's: a write does not change it. */
    cpu->guest->efer = (value & ~EFER_LMA) | (old & EFER_LMA) | EFER_SVME;
    return true;
}
