/* SPDX-License-Identifier: MIT */
/* Synthetic MSRs and the hypercall page (Reference 1.2 to 1.4; open points in docs/host-choices.md). */
#include "abi/msr.h"

#include "host/base/memory.h"
#include "host/base/reference_time.h"
#include "host/cpu/msr.h"
#include "host/cpu/nested_paging.h"
#include "host/defects/defects.h"
#include "host/domains/domains.h"
#include "host/hypercalls/hypercalls.h"
#include "host/variants/variants.h"
#include "host/vmbus/synic.h"
#include "lib/string.h"

/* VMMCALL; RET; the rest traps as a breakpoint. */
static const uint8_t hypercall_code[] = {0x0F, 0x01, 0xD9, 0xC3};
#define BREAKPOINT 0xCC
/* VARIANT_OTHER_PAGE_CODE: a jump at the start, and the code behind it. */
static const uint8_t jump_code[] = {0xEB, 0x7E};
#define JUMP_TARGET 0x80

/* QEMU's local APIC timer counts nanoseconds. */
#define APIC_FREQUENCY_HZ UINT64_C(1000000000)

static uint8_t *hypercall_page;
static uint64_t written_vp_index; /* DEFECT_VP_INDEX_WRITABLE: beyond the right one */

void hypercall_page_init(void)
{
    hypercall_page = host_pages(1);
    memset(hypercall_page, BREAKPOINT, HOST_PAGE_SIZE);
    if (variant_active(VARIANT_OTHER_PAGE_CODE)) {
        memcpy(hypercall_page, jump_code, sizeof(jump_code));
        memcpy(hypercall_page + JUMP_TARGET, hypercall_code, sizeof(hypercall_code));
    } else {
        memcpy(hypercall_page, hypercall_code, sizeof(hypercall_code));
    }
}

static bool is_enabled(void)
{
    return partition.hypercall_msr & HV_HYPERCALL_MSR_ENABLE;
}

static void disable_page(void)
{
    nested_overlay_clear();
    if (defect_active(DEFECT_PAGE_LEFT_BEHIND) && is_enabled())
        guest_write(partition.hypercall_msr & HV_HYPERCALL_MSR_GPFN, hypercall_page, HOST_PAGE_SIZE);
}

static void write_guest_os_id(uint64_t value)
{
    partition.guest_os_id = value;
    if (defect_active(DEFECT_PAGE_SURVIVES_OS_ID))
        return;
    /* A locked register is immutable, so a locked page stays. */
    if (value == 0 && is_enabled() && !(partition.hypercall_msr & HV_HYPERCALL_MSR_LOCKED)) {
        disable_page();
        partition.hypercall_msr &= ~HV_HYPERCALL_MSR_ENABLE;
    }
}

/* What a defective host does with the overlay: nothing. */
static bool stays_in_place(uint64_t value)
{
    if ((value & HV_HYPERCALL_MSR_ENABLE) == 0)
        return defect_active(DEFECT_PAGE_SURVIVES_DISABLE);
    return defect_active(DEFECT_PAGE_NOT_MOVED) && is_enabled();
}

static bool write_hypercall(uint64_t value)
{
    uint64_t gpa = value & HV_HYPERCALL_MSR_GPFN;

    if (partition.hypercall_msr & HV_HYPERCALL_MSR_LOCKED)
        return false;
    if (gpa >= guest_gpa_limit())
        return defect_active(DEFECT_PAGE_BEYOND_ACCEPTED);
    /* Refused without a fault: the guest reads back that the page is not enabled. */
    if ((value & HV_HYPERCALL_MSR_ENABLE) && partition.guest_os_id == 0 && !defect_active(DEFECT_PAGE_WITHOUT_OS_ID))
        return true;
    if (stays_in_place(value)) {
        partition.hypercall_msr = value;
        return true;
    }
    disable_page();
    if ((value & HV_HYPERCALL_MSR_ENABLE) && !nested_overlay_set(gpa, hypercall_page)) {
        partition.hypercall_msr &= ~HV_HYPERCALL_MSR_ENABLE;
        return false;
    }
    partition.hypercall_msr = value;
    return true;
}

static bool is_forgotten(const struct cpu *cpu)
{
    return defect_active(DEFECT_OS_ID_FORGOTTEN) || (defect_active(DEFECT_OS_ID_OF_FIRST) && cpu->index != 0);
}

bool synthetic_msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case HV_MSR_GUEST_OS_ID:
        *value = is_forgotten(cpu) ? 0 : partition.guest_os_id;
        return true;
    case HV_MSR_HYPERCALL:
        *value = partition.hypercall_msr;
        return true;
    case HV_MSR_VP_INDEX:
        *value = defect_active(DEFECT_VP_INDEX_SHARED) ? 0 : cpu->index + written_vp_index;
        return true;
    case HV_MSR_TIME_REF_COUNT:
        *value = reference_time();
        return !variant_active(VARIANT_NO_REFERENCE_TIME);
    case HV_MSR_TSC_FREQUENCY:
        *value = tsc_frequency();
        return variant_active(VARIANT_FREQUENCY_MSRS);
    case HV_MSR_APIC_FREQUENCY:
        *value = APIC_FREQUENCY_HZ;
        return variant_active(VARIANT_FREQUENCY_MSRS);
    default:
        return synic_msr_read(cpu->index, msr, value);
    }
}

bool synthetic_msr_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case HV_MSR_GUEST_OS_ID:
        write_guest_os_id(value);
        if (value == 0) {
            domains_guest_gone();
            hypercalls_page_disabled();
        }
        return true;
    case HV_MSR_HYPERCALL:
        return write_hypercall(value);
    case HV_MSR_VP_INDEX:
        if (defect_active(DEFECT_VP_INDEX_WRITABLE))
            written_vp_index = value - cpu->index;
        return defect_active(DEFECT_VP_INDEX_WRITABLE);
    default: /* VP_INDEX and the clocks are read-only */
        return synic_msr_write(cpu->index, msr, value);
    }
}
