/* SPDX-License-Identifier: MIT */
/* Synthetic MSRs and the hypercall page (Reference 1.2 to 1.4; open points in
 * docs/host-choices.md). */
#include "abi/cpuid.h"
#include "abi/msr.h"
#include "host/base/memory.h"
#include "host/base/reference_time.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/msr.h"
#include "host/cpu/nested_paging.h"
#include "host/cpu/processors.h"
#include "host/vmbus/synic.h"
#include "lib/bits.h"
#include "lib/string.h"

#define BREAKPOINT 0xCC

/* QEMU's local APIC timer counts nanoseconds. */
#define APIC_FREQUENCY_HZ UINT64_C(1000000000)

static uint8_t *page;

void hypercall_page_init(void)
{
    page = host_pages(1);
    memset(page, BREAKPOINT, PAGE_SIZE);
    memcpy(page, cpu_rules.hypercall_code, cpu_rules.hypercall_code_size);
}

static bool is_enabled(void)
{
    return partition.hypercall_msr & HV_HYPERCALL_MSR_ENABLE;
}

static void write_guest_os_id(uint64_t value)
{
    partition.guest_os_id = value;
    /* A locked register is immutable, so a locked page stays. */
    if (value == 0 && is_enabled() && !(partition.hypercall_msr & HV_HYPERCALL_MSR_LOCKED)) {
        nested_overlay_clear();
        partition.hypercall_msr &= ~HV_HYPERCALL_MSR_ENABLE;
    }
}

static bool write_hypercall(uint64_t value)
{
    uint64_t gpa = value & HV_HYPERCALL_MSR_GPFN;

    if (partition.hypercall_msr & HV_HYPERCALL_MSR_LOCKED)
        return false;
    if (gpa >= guest_gpa_limit())
        return false;
    /* Refused without a fault: the guest reads back that the page is not enabled. */
    if ((value & HV_HYPERCALL_MSR_ENABLE) && partition.guest_os_id == 0)
        return true;
    nested_overlay_clear();
    if (cpu_rules.hypercall_page_comes)
        cpu_rules.hypercall_page_comes(page);
    if ((value & HV_HYPERCALL_MSR_ENABLE) &&
        !nested_overlay_set(gpa, page, cpu_rules.hypercall_page_writable)) {
        partition.hypercall_msr &= ~HV_HYPERCALL_MSR_ENABLE;
        return false;
    }
    partition.hypercall_msr = value;
    return true;
}

static uint32_t vp_index(const struct cpu *cpu)
{
    return cpu_rules.vps_count_down ? processors_count() - 1 - cpu->index : cpu->index;
}

static bool announced(uint32_t feature)
{
    return (cpu_rules.features.eax & feature) != 0;
}

static bool read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case HV_MSR_GUEST_OS_ID:
        *value = partition.guest_os_id;
        return true;
    case HV_MSR_HYPERCALL:
        *value = partition.hypercall_msr;
        return true;
    case HV_MSR_VP_INDEX:
        *value = vp_index(cpu);
        return true;
    case HV_MSR_TIME_REF_COUNT:
        *value = reference_time();
        return announced(HV_CPUID_FEATURES_EAX_TIME_REF_COUNT);
    case HV_MSR_TSC_FREQUENCY:
        *value = tsc_frequency();
        return announced(HV_CPUID_FEATURES_EAX_FREQUENCY_MSRS);
    case HV_MSR_APIC_FREQUENCY:
        *value = APIC_FREQUENCY_HZ;
        return announced(HV_CPUID_FEATURES_EAX_FREQUENCY_MSRS);
    case HV_MSR_VP_ASSIST_PAGE:
        *value = cpu->vp_assist_page;
        return true;
    default:
        return synic_msr_read(vp_index(cpu), msr, value);
    }
}

static bool write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case HV_MSR_GUEST_OS_ID:
        write_guest_os_id(value);
        return true;
    case HV_MSR_HYPERCALL:
        return write_hypercall(value);
    case HV_MSR_VP_ASSIST_PAGE: /* nothing that this host offers uses it, but Linux writes it
                                   without looking */
        cpu->vp_assist_page = value;
        return true;
    default: /* VP_INDEX and the clocks are read-only */
        return synic_msr_write(vp_index(cpu), msr, value);
    }
}

struct synthetic_msr synthetic_msr = {.read = read, .write = write};
