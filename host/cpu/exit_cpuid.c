/* SPDX-License-Identifier: MIT */
/* CPUID: the processor's leaves without SVM, and the hypervisor leaves (Reference 1.1,
 * docs/host-choices.md). */
#include "abi/cpuid.h"

#include "abi/bus_control.h"
#include "abi/host_integrity.h"
#include "abi/oracle.h"
#include "host/base/memory.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/vmbus/vmbus.h"
#include "lib/bits.h"
#include "lib/hot.h"

#define CPUID_LENGTH 2

#define CPUID_1_ECX_OSXSAVE (1u << 27)
/* Of leaf 1, and of the extended leaf that repeats them: there are no machine check registers for
 * the guest. */
#define CPUID_EDX_MCE              (1u << 7)
#define CPUID_EDX_MCA              (1u << 14)
#define CPUID_STRUCTURED           7u
#define CPUID_STRUCTURED_ECX_OSPKE (1u << 4)
#define CPUID_EXTENDED_FEATURES    0x80000001u
#define CPUID_EXTENDED_ECX_SVM     (1u << 2)
#define CPUID_EXTENDED_ECX_SKINIT  (1u << 12)
#define CPUID_SVM                  0x8000000Au
#define CPUID_HYPERVISOR_LAST      0x4FFFFFFFu

#define VERSION_MAJOR      10u
#define VERSION_MINOR      0u
#define VERSION_BUILD      20348u
#define NEVER_NOTIFY_SPINS 0xFFFFFFFFu

static struct cpuid_result feature_leaf(void)
{
    struct cpuid_result leaf = cpu_rules.features;

    if (vmbus_present()) {
        leaf.eax |= HV_CPUID_FEATURES_EAX_SYNIC_MSRS;
        leaf.ebx |= HV_CPUID_FEATURES_EBX_POST_MESSAGES | HV_CPUID_FEATURES_EBX_SIGNAL_EVENTS;
        leaf.edx |= cpu_rules.sint_polling ? HV_CPUID_FEATURES_EDX_SINT_POLLING : 0;
    }
    return leaf;
}

/* Leaves up to `last` are in the range that the first one announces; those of the oracle are beside
 * it. */
static bool is_announced(uint32_t leaf, uint32_t last)
{
    return leaf <= last || leaf >= HV_ORACLE_CPUID;
}

static struct cpuid_result bus_control_leaf(void)
{
    if (!vmbus_present())
        return (struct cpuid_result){0};
    return (struct cpuid_result){HV_BUS_CONTROL_VERSION, HV_BUS_CONTROL_CPUID_EBX_PVTB,
                                 HV_BUS_CONTROL_CPUID_ECX_USCT, HV_BUS_CONTROL_CPUID_EDX_L};
}

HOT static struct cpuid_result hypervisor_leaf(uint32_t leaf)
{
    if (!is_announced(leaf, cpu_rules.vendor.eax))
        return (struct cpuid_result){0};
    switch (leaf) {
    case HV_CPUID_VENDOR:
        return cpu_rules.vendor;
    case HV_CPUID_INTERFACE:
        return cpu_rules.interface;
    case HV_CPUID_VERSION:
        return (struct cpuid_result){.eax = VERSION_BUILD,
                                     .ebx = (VERSION_MAJOR << HV_CPUID_VERSION_EBX_MAJOR_SHIFT) |
                                            VERSION_MINOR};
    case HV_CPUID_FEATURES:
        return feature_leaf();
    case HV_CPUID_RECOMMENDATIONS:
        return (struct cpuid_result){
            .eax = vmbus_present() ? HV_CPUID_RECOMMENDATIONS_EAX_NO_AUTO_EOI : 0,
            .ebx = NEVER_NOTIFY_SPINS,
            .ecx = log2_floor(guest_gpa_limit())};
    case HV_CPUID_LIMITS:
        return (struct cpuid_result){.eax = HOST_CPUS_MAX, .ebx = HOST_CPUS_MAX};
    case HV_CPUID_HARDWARE:
        return (struct cpuid_result){.eax = HV_CPUID_HARDWARE_EAX_DMA_REMAPPING};
    case HV_ORACLE_CPUID:
        return cpu_rules.oracle;
    case HV_ORACLE_CPUID_FEATURES:
        return cpu_rules.oracle_features;
    case HV_BUS_CONTROL_CPUID:
        return bus_control_leaf();
    case HV_INTEGRITY_CPUID:
        return (struct cpuid_result){HV_INTEGRITY_VERSION, HV_INTEGRITY_CPUID_EBX_PVTI,
                                     HV_INTEGRITY_CPUID_ECX_NTEG, HV_INTEGRITY_CPUID_EDX_RITY};
    default:
        return (struct cpuid_result){0};
    }
}

/* Bits that mirror CR4 come from the guest's CR4, not from the host's in which CPUID runs here. */
static void mirror(uint32_t *reg, uint32_t bit, bool set)
{
    *reg = set ? *reg | bit : *reg & ~bit;
}

static struct cpuid_result processor_leaf(const struct vmcb *guest, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r = cpu_cpuid(leaf, subleaf);

    switch (leaf) {
    case CPUID_1:
        r.ecx |= CPUID_1_ECX_HYPERVISOR_PRESENT;
        r.edx &= ~(CPUID_EDX_MCE | CPUID_EDX_MCA);
        mirror(&r.ecx, CPUID_1_ECX_OSXSAVE, guest->cr4 & CR4_OSXSAVE);
        break;
    case CPUID_STRUCTURED:
        if (subleaf == 0)
            mirror(&r.ecx, CPUID_STRUCTURED_ECX_OSPKE, guest->cr4 & CR4_PKE);
        break;
    case CPUID_EXTENDED_FEATURES:
        r.ecx &= ~(CPUID_EXTENDED_ECX_SVM | CPUID_EXTENDED_ECX_SKINIT);
        r.edx &= ~(CPUID_EDX_MCE | CPUID_EDX_MCA);
        break;
    case CPUID_SVM:
        r = (struct cpuid_result){0};
        break;
    default:
        break;
    }
    return r;
}

HOT void exit_cpuid(struct cpu *cpu, struct guest_registers *regs)
{
    uint32_t leaf = (uint32_t)cpu->guest->rax;
    bool is_hypervisor = leaf >= HV_CPUID_VENDOR && leaf <= CPUID_HYPERVISOR_LAST;
    struct cpuid_result r;

    if (is_hypervisor)
        r = hypervisor_leaf(leaf);
    else
        r = processor_leaf(cpu->guest, leaf, (uint32_t)regs->rcx);
    cpu->guest->rax = r.eax;
    regs->rbx = r.ebx;
    regs->rcx = r.ecx;
    regs->rdx = r.edx;
    skip_prefixed_instruction(cpu->guest, CPUID_LENGTH);
}
