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
#include "lib/string.h"

#define REGISTER(msr) ((msr)-HV_MSR_SCONTROL)

struct synic_vp {
    uint32_t apic_id;
    uint64_t held[REGISTER(HV_MSR_SINT15) + 1]; /* as they are read */
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
    vp->held[REGISTER(HV_MSR_SVERSION)] = HV_SVERSION_1;
    for (unsigned i = 0; i < HV_SINTS; i++)
        vp->held[REGISTER(HV_MSR_SINT0) + i] = HV_SINT_RESET;
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
    uint64_t sint = synic.vp[vp].held[REGISTER(HV_MSR_SINT0) + VMBUS_SINT];

    if ((sint & (HV_SINT_MASKED | HV_SINT_POLLING)) == 0)
        synic_send_vector(vp, (uint8_t)(sint & HV_SINT_VECTOR_MASK));
}

/* The part of a page (HV_MSR_SIMP, HV_MSR_SIEFP) that belongs to VMBUS_SINT; both kinds of parts
 * have one size. False while the page or the controller is off. */
static bool find_part(const struct synic_vp *vp, uint32_t msr, uint64_t *gpa)
{
    uint64_t page = vp->held[REGISTER(msr)];

    *gpa = (page & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(struct hv_message);
    return (vp->held[REGISTER(HV_MSR_SCONTROL)] & HV_SCONTROL_ENABLE) != 0 &&
           (page & HV_SYNIC_PAGE_ENABLE) != 0;
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
    uint64_t slot;

    queued->message.flags = more ? HV_MESSAGE_FLAG_PENDING : 0;
    if (!find_part(&synic.vp[queued->vp], HV_MSR_SIMP, &slot) || !slot_free(slot) ||
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

    if (vp < synic.vps && flag < HV_EVENT_FLAGS_PER_SINT &&
        find_part(&synic.vp[vp], HV_MSR_SIEFP, &flags) &&
        guest_or32(flags + flag / 32 * sizeof(uint32_t), UINT32_C(1) << flag % 32))
        interrupt(vp);
}

/* NULL: no register of the controller. */
static uint64_t *register_of(uint32_t vp, uint32_t msr)
{
    bool known = (msr >= HV_MSR_SCONTROL && msr <= HV_MSR_EOM) ||
                 (msr >= HV_MSR_SINT0 && msr <= HV_MSR_SINT15);

    return vp < synic.vps && known ? &synic.vp[vp].held[REGISTER(msr)] : NULL;
}

bool synic_msr_read(uint32_t vp, uint32_t msr, uint64_t *value)
{
    const uint64_t *held = register_of(vp, msr);

    if (held)
        *value = *held;
    return held;
}

static bool value_allowed(uint32_t msr, uint64_t value)
{
    bool silent = (value & (HV_SINT_MASKED | HV_SINT_POLLING)) != 0;

    if (msr == HV_MSR_SIEFP || msr == HV_MSR_SIMP)
        return (value & HV_SYNIC_PAGE_GPFN) < guest_gpa_limit();
    if (msr >= HV_MSR_SINT0)
        return (value & HV_SINT_AUTO_EOI) == 0 &&
               (silent || (value & HV_SINT_VECTOR_MASK) >= HV_SINT_VECTOR_FIRST);
    return msr != HV_MSR_SVERSION;
}

bool synic_msr_write(uint32_t vp, uint32_t msr, uint64_t value)
{
    uint64_t *held = register_of(vp, msr);

    if (!held || !value_allowed(msr, value))
        return false;
    if (msr != HV_MSR_EOM)
        *held = value;
    deliver_all();
    return true;
}
