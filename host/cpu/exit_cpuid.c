/* SPDX-License-Identifier: MIT */
/* CPUID: the processor's leaves without SVM, and the hypervisor leaves (Reference 1.1, docs/host-choices.md). */
#include "abi/cpuid.h"

#include "abi/oracle.h"
#include "host/base/memory.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/defects/defects.h"
#include "host/variants/variants.h"
#include "host/vmbus/vmbus.h"
#include "lib/bits.h"

#define CPUID_LENGTH 2

#define CPUID_1_ECX_OSXSAVE        (1u << 27)
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
#define OTHER_INTERFACE    0x30237648u /* "Hv#0": a hypervisor without this interface */

static struct cpuid_result vendor_leaf(void)
{
    /* "Another Host": the name is for reports, the interface is in the next leaf. */
    static const struct cpuid_result other = {.ebx = 0x746F6E41, .ecx = 0x20726568, .edx = 0x74736F48};
    struct cpuid_result leaf = {HV_CPUID_ISOLATION, HV_CPUID_VENDOR_EBX_MICR, HV_CPUID_VENDOR_ECX_OSOF,
                                HV_CPUID_VENDOR_EDX_T_HV};

    if (variant_active(VARIANT_CPUID_OTHER_VENDOR)) {
        leaf = other;
        leaf.eax = HV_CPUID_ISOLATION;
    }
    if (variant_active(VARIANT_CPUID_FIVE_LEAVES))
        leaf.eax = HV_CPUID_VENDOR_EAX_MINIMUM;
    if (defect_active(DEFECT_CPUID_FEW_LEAVES))
        leaf.eax = HV_CPUID_RECOMMENDATIONS;
    return leaf;
}

static struct cpuid_result feature_leaf(void)
{
    struct cpuid_result leaf = {
        .eax = HV_CPUID_FEATURES_EAX_HYPERCALL_MSRS | HV_CPUID_FEATURES_EAX_VP_INDEX,
        .edx = HV_CPUID_FEATURES_EDX_HYPERCALL_MSR_LOCK,
    };

    if (vmbus_present()) {
        leaf.eax |= HV_CPUID_FEATURES_EAX_SYNIC_MSRS;
        leaf.ebx |= HV_CPUID_FEATURES_EBX_POST_MESSAGES | HV_CPUID_FEATURES_EBX_SIGNAL_EVENTS;
        leaf.edx |= HV_CPUID_FEATURES_EDX_SINT_POLLING;
    }
    if (!variant_active(VARIANT_NO_REFERENCE_TIME))
        leaf.eax |= HV_CPUID_FEATURES_EAX_TIME_REF_COUNT;
    if (!variant_active(VARIANT_CPUID_NO_DOMAIN_BITS))
        leaf.edx |= HV_CPUID_FEATURES_EDX_DEVICE_DOMAINS | HV_CPUID_FEATURES_EDX_S1_DEVICE_DOMAINS;
    if (variant_active(VARIANT_FREQUENCY_MSRS)) {
        leaf.eax |= HV_CPUID_FEATURES_EAX_FREQUENCY_MSRS;
        leaf.edx |= HV_CPUID_FEATURES_EDX_FREQUENCY_MSRS;
    }
    if (variant_active(VARIANT_OWN_PARTITION_ID))
        leaf.ebx |= HV_CPUID_FEATURES_EBX_PARTITION_ID;
    if (variant_active(VARIANT_FAST_XMM))
        leaf.edx |= HV_CPUID_FEATURES_EDX_XMM_INPUT;
    if (defect_active(DEFECT_CPUID_NO_HYPERCALL_MSRS))
        leaf.eax &= ~HV_CPUID_FEATURES_EAX_HYPERCALL_MSRS;
    if (defect_active(DEFECT_CPUID_NO_VP_INDEX))
        leaf.eax &= ~HV_CPUID_FEATURES_EAX_VP_INDEX;
    return leaf;
}

static struct cpuid_result oracle_leaf(uint32_t leaf)
{
    if (variant_active(VARIANT_NO_ORACLE))
        return (struct cpuid_result){0};
    if (leaf == HV_ORACLE_CPUID)
        return (struct cpuid_result){HV_ORACLE_CPUID_FEATURES, HV_ORACLE_CPUID_EBX_PVTO, HV_ORACLE_CPUID_ECX_RACL,
                                     HV_ORACLE_CPUID_EDX_E};
    return (struct cpuid_result){
        .eax = HV_ORACLE_VERSION,
        .ebx = HV_ORACLE_FEATURE_FAULT | HV_ORACLE_FEATURE_COUNTERS | HV_ORACLE_FEATURE_INFO,
    };
}

/* Leaves up to `last` are in the range that the first one announces; those of the oracle are beside it. */
static bool is_announced(uint32_t leaf, uint32_t last)
{
    return leaf <= last || leaf >= HV_ORACLE_CPUID;
}

static struct cpuid_result hypervisor_leaf(uint32_t leaf)
{
    if (!is_announced(leaf, vendor_leaf().eax))
        return (struct cpuid_result){0};
    switch (leaf) {
    case HV_CPUID_VENDOR:
        return vendor_leaf();
    case HV_CPUID_INTERFACE:
        return (struct cpuid_result){.eax = defect_active(DEFECT_CPUID_OTHER_INTERFACE) ? OTHER_INTERFACE
                                                                                        : HV_CPUID_INTERFACE_EAX_HV1};
    case HV_CPUID_VERSION:
        return (struct cpuid_result){.eax = VERSION_BUILD,
                                     .ebx = (VERSION_MAJOR << HV_CPUID_VERSION_EBX_MAJOR_SHIFT) | VERSION_MINOR};
    case HV_CPUID_FEATURES:
        return feature_leaf();
    case HV_CPUID_RECOMMENDATIONS:
        return (struct cpuid_result){.eax = vmbus_present() ? HV_CPUID_RECOMMENDATIONS_EAX_NO_AUTO_EOI : 0,
                                     .ebx = NEVER_NOTIFY_SPINS,
                                     .ecx = log2_floor(guest_gpa_limit())};
    case HV_CPUID_LIMITS:
        return (struct cpuid_result){.eax = HOST_CPUS_MAX, .ebx = HOST_CPUS_MAX};
    case HV_CPUID_HARDWARE:
        return (struct cpuid_result){.eax = HV_CPUID_HARDWARE_EAX_DMA_REMAPPING};
    case HV_ORACLE_CPUID:
    case HV_ORACLE_CPUID_FEATURES:
        return oracle_leaf(leaf);
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
        mirror(&r.ecx, CPUID_1_ECX_OSXSAVE, guest->cr4 & CR4_OSXSAVE);
        break;
    case CPUID_STRUCTURED:
        if (subleaf == 0)
            mirror(&r.ecx, CPUID_STRUCTURED_ECX_OSPKE, guest->cr4 & CR4_PKE);
        break;
    case CPUID_EXTENDED_FEATURES:
        r.ecx &= ~(CPUID_EXTENDED_ECX_SVM | CPUID_EXTENDED_ECX_SKINIT);
        break;
    case CPUID_SVM:
        r = (struct cpuid_result){0};
        break;
    default:
        break;
    }
    return r;
}

void exit_cpuid(struct cpu *cpu, struct guest_registers *regs)
{
    uint32_t leaf = (uint32_t)cpu->guest->rax;
    bool is_hypervisor = leaf >= HV_CPUID_VENDOR && leaf <= CPUID_HYPERVISOR_LAST;
    struct cpuid_result r;

    if (is_hypervisor)
        r = hypervisor_leaf(leaf);
    else
        r = processor_leaf(cpu->guest, leaf, (uint32_t)regs->rcx);
    if (is_hypervisor && defect_active(DEFECT_CPUID_SUBLEAVES) && (uint32_t)regs->rcx != 0)
        r = (struct cpuid_result){0}; /* though none of these leaves has subleaves */
    cpu->guest->rax = r.eax;
    regs->rbx = r.ebx;
    regs->rcx = r.ecx;
    regs->rdx = r.edx;
    skip_instruction(cpu->guest, CPUID_LENGTH);
}
