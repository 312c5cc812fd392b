/* SPDX-License-Identifier: MIT */
#include "drivers/vmbus/synic.h"

#include <stddef.h>

#include "abi/cpuid.h"
#include "abi/vmbus.h"
#include "drivers/hypercall.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/trap.h"
#include "lib/string.h"

/* The kernel acknowledges vectors that it does not know. */
#define VECTOR 0xE8u

static struct {
    struct hv_message *messages;
    void *events;
} synic;

static bool set_register(uint32_t msr, uint64_t keep, uint64_t value)
{
    uint64_t old;

    return msr_read_safe(msr, &old) == TRAP_NONE &&
           msr_write_safe(msr, (old & keep) | value) == TRAP_NONE;
}

static bool set_page(uint32_t msr, const void *page)
{
    return set_register(msr, HV_SYNIC_PAGE_RSVDP, gpa_of(page) | HV_SYNIC_PAGE_ENABLE);
}

const char *synic_start(void)
{
    uint64_t sint = VECTOR;

    if (!synic.messages) {
        synic.messages = memory_boot_pages(1);
        synic.events = memory_boot_pages(1);
    }
    memset(synic.messages, 0, PAGE_SIZE);
    memset(synic.events, 0, PAGE_SIZE);
    if ((hypercall_init()->features_edx & HV_CPUID_FEATURES_EDX_SINT_POLLING) != 0)
        sint |= HV_SINT_POLLING;
    if (!set_page(HV_MSR_SIMP, synic.messages))
        return "SIMP";
    if (!set_page(HV_MSR_SIEFP, synic.events))
        return "SIEFP";
    if (msr_write_safe(HV_MSR_SINT0 + VMBUS_SINT, sint) != TRAP_NONE)
        return "SINT2";
    return set_register(HV_MSR_SCONTROL, ~HV_SCONTROL_ENABLE, HV_SCONTROL_ENABLE) ? NULL
                                                                                  : "SCONTROL";
}

void synic_stop(void)
{
    (void)msr_write_safe(HV_MSR_SINT0 + VMBUS_SINT, HV_SINT_MASKED | VECTOR);
    (void)set_register(HV_MSR_SIEFP, HV_SYNIC_PAGE_RSVDP, 0);
    (void)set_register(HV_MSR_SIMP, HV_SYNIC_PAGE_RSVDP, 0);
    (void)set_register(HV_MSR_SCONTROL, ~HV_SCONTROL_ENABLE, 0);
}

bool synic_take(struct hv_message *message)
{
    struct hv_message *slot = &synic.messages[VMBUS_SINT];

    if (__atomic_load_n(&slot->type, __ATOMIC_ACQUIRE) == HV_MESSAGE_FREE)
        return false;
    memcpy(message, slot, sizeof(*message));
    __atomic_store_n(&slot->type, HV_MESSAGE_FREE, __ATOMIC_SEQ_CST);
    cpu_memory_barrier();
    /* Whatever the flag says: that a host sets it is for a test to find. */
    (void)msr_write_safe(HV_MSR_EOM, 0);
    if (message->size > HV_MESSAGE_PAYLOAD_MAX)
        message->size = HV_MESSAGE_PAYLOAD_MAX;
    return true;
}
