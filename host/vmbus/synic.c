/* SPDX-License-Identifier: MIT */
/*
 * The pages are the guest's own, not overlays: the host writes into them when there is something to
 * deliver, and checks their addresses each time. There is no AutoEOI, as CPUID says
 * (HV_CPUID_RECOMMENDATIONS_EAX_NO_AUTO_EOI).
 */
#include "host/vmbus/synic.h"

#include <stddef.h>

#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/base/processor.h"
#include "lib/bits.h"
#include "lib/string.h"

struct synic_vp {
    uint32_t apic_id;
    uint64_t scontrol, siefp, simp;
    uint64_t sint[HV_SINTS];
};

struct queued_message {
    uint32_t vp;
    struct hv_message message; /* FREE until it is in its slot */
};

static struct {
    synic_vector_sender *send_vector;
    struct synic_vp vp[HOST_CPUS_MAX];
    unsigned vps;
    struct queued_message *queue; /* SYNIC_QUEUE_LENGTH entries, used in turn */
    unsigned first, queued;
} synic;

void synic_init(synic_vector_sender *send_vector)
{
    synic.send_vector = send_vector;
}

void synic_add_vp(uint32_t apic_id)
{
    struct synic_vp *vp = &synic.vp[synic.vps++];

    vp->apic_id = apic_id;
    for (unsigned i = 0; i < HV_SINTS; i++)
        vp->sint[i] = HV_SINT_RESET;
    if (!synic.queue)
        synic.queue = host_pages_for(SYNIC_QUEUE_LENGTH * sizeof(*synic.queue));
}

unsigned synic_vps(void)
{
    return synic.vps;
}

uint32_t synic_apic_id(uint32_t vp)
{
    return synic.vp[vp].apic_id;
}

void synic_send_vector(uint32_t vp, uint8_t vector)
{
    if (vp < synic.vps && vector >= HV_SINT_VECTOR_FIRST)
        synic.send_vector(synic.vp[vp].apic_id, vector);
}

static void interrupt(uint32_t vp)
{
    uint64_t sint = synic.vp[vp].sint[VMBUS_SINT];

    if ((sint & (HV_SINT_MASKED | HV_SINT_POLLING)) == 0)
        synic_send_vector(vp, (uint8_t)(sint & HV_SINT_VECTOR_MASK));
}

static bool enabled(const struct synic_vp *vp, uint64_t page)
{
    return (vp->scontrol & HV_SCONTROL_ENABLE) != 0 && (page & HV_SYNIC_PAGE_ENABLE) != 0;
}

/* Whether the slot is free. Otherwise its flag tells the guest to write EOM; the guest may have
 * freed the slot before it could see the flag, so that the type is looked at again. False also when
 * there is no RAM at the address. */
static bool slot_free(uint64_t slot)
{
    uint32_t type, flags;

    if (!guest_load32(slot, &type))
        return false;
    if (type == HV_MESSAGE_FREE)
        return true;
    flags = (uint32_t)HV_MESSAGE_FLAG_PENDING << (8 * (offsetof(struct hv_message, flags) % 4));
    return guest_or32(slot + offsetof(struct hv_message, size), flags) &&
           guest_load32(slot, &type) && type == HV_MESSAGE_FREE;
}

static bool deliver(struct queued_message *queued, bool more)
{
    const struct synic_vp *vp = &synic.vp[queued->vp];
    uint64_t slot = (vp->simp & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(struct hv_message);

    queued->message.flags = more ? HV_MESSAGE_FLAG_PENDING : 0;
    if (!enabled(vp, vp->simp) || !slot_free(slot) ||
        !guest_write(slot, &queued->message, sizeof(queued->message)) ||
        !guest_store32(slot, HV_MESSAGE_CHANNEL))
        return false;
    interrupt(queued->vp);
    return true;
}

/* In order: a message that cannot be delivered holds up all that follow. */
static void deliver_all(void)
{
    while (synic.queued != 0 && deliver(&synic.queue[synic.first], synic.queued > 1)) {
        synic.first = (synic.first + 1) % SYNIC_QUEUE_LENGTH;
        synic.queued--;
    }
}

unsigned synic_room(void)
{
    return SYNIC_QUEUE_LENGTH - synic.queued;
}

void synic_send(uint32_t vp, const void *payload, unsigned size)
{
    struct queued_message *last = &synic.queue[(synic.first + synic.queued) % SYNIC_QUEUE_LENGTH];

    if (vp >= synic.vps || size > HV_MESSAGE_PAYLOAD_MAX || synic_room() == 0)
        host_panic("vmbus: a message of %u bytes for VP %u does not fit", size, vp);
    *last = (struct queued_message){.vp = vp, .message.size = (uint8_t)size};
    memcpy(last->message.payload, payload, size);
    synic.queued++;
    deliver_all();
}

void synic_drop_messages(void)
{
    synic.queued = 0;
}

void synic_signal(uint32_t vp, uint32_t flag)
{
    uint64_t flags;

    if (vp >= synic.vps || flag >= HV_EVENT_FLAGS_PER_SINT ||
        !enabled(&synic.vp[vp], synic.vp[vp].siefp))
        return;
    flags = (synic.vp[vp].siefp & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(struct hv_event_flags);
    if (guest_or32(flags + flag / 32 * sizeof(uint32_t), UINT32_C(1) << flag % 32))
        interrupt(vp);
}

/* The register that holds what was written; NULL: none does. */
static uint64_t *register_of(uint32_t vp, uint32_t msr)
{
    if (vp >= synic.vps)
        return NULL;
    if (msr >= HV_MSR_SINT0 && msr <= HV_MSR_SINT15)
        return &synic.vp[vp].sint[msr - HV_MSR_SINT0];
    return msr == HV_MSR_SCONTROL ? &synic.vp[vp].scontrol
           : msr == HV_MSR_SIEFP  ? &synic.vp[vp].siefp
           : msr == HV_MSR_SIMP   ? &synic.vp[vp].simp
                                  : NULL;
}

bool synic_msr_read(uint32_t vp, uint32_t msr, uint64_t *value)
{
    const uint64_t *held = register_of(vp, msr);

    *value = held ? *held : msr == HV_MSR_SVERSION ? HV_SVERSION_1 : 0;
    return vp < synic.vps && (held || msr == HV_MSR_SVERSION || msr == HV_MSR_EOM);
}

static bool value_allowed(uint32_t msr, uint64_t value)
{
    bool silent = (value & (HV_SINT_MASKED | HV_SINT_POLLING)) != 0;

    if (msr == HV_MSR_SCONTROL)
        return true;
    if (msr == HV_MSR_SIEFP || msr == HV_MSR_SIMP)
        return (value & HV_SYNIC_PAGE_GPFN) < guest_gpa_limit();
    return (value & HV_SINT_AUTO_EOI) == 0 &&
           (silent || (value & HV_SINT_VECTOR_MASK) >= HV_SINT_VECTOR_FIRST);
}

bool synic_msr_write(uint32_t vp, uint32_t msr, uint64_t value)
{
    uint64_t *held = register_of(vp, msr);

    if (vp >= synic.vps || (held ? !value_allowed(msr, value) : msr != HV_MSR_EOM))
        return false;
    if (held)
        *held = value;
    deliver_all();
    return true;
}
