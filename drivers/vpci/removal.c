/* SPDX-License-Identifier: MIT */
#include "drivers/vpci/removal.h"

#include "abi/bus_control.h"
#include "drivers/hypercall.h"
#include "drivers/vmbus/messages.h"
#include "drivers/vpci/bus.h"
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "lib/string.h"

#define WAIT_US VMBUS_REPLY_US

static bool has_control(void)
{
    struct cpuid_result r = cpu_cpuid(HV_BUS_CONTROL_CPUID, 0);

    return r.eax >= HV_BUS_CONTROL_VERSION && r.ebx == HV_BUS_CONTROL_CPUID_EBX_PVTB &&
           r.ecx == HV_BUS_CONTROL_CPUID_ECX_USCT && r.edx == HV_BUS_CONTROL_CPUID_EDX_L;
}

bool vpci_removable(const struct pci_function *f)
{
    return f->vpci && has_control();
}

static bool control(const struct pci_function *f, enum bus_control_action action)
{
    struct bus_control_input input = {.device_id = f->device_id, .action = action};

    return hypercall_simple(HVCALL_BUS_CONTROL, &input, sizeof(input), NULL, 0) ==
           HV_STATUS_SUCCESS;
}

static bool is_channel(const union vmbus_control *message, uint32_t channel)
{
    return message->channel.channel_id == channel;
}

static uint32_t slot_of(const struct pci_function *f)
{
    return vpci_slot(f->bdf >> 3 & 31u, f->bdf & 7u);
}

/* The host asks for the function of that slot word, and the guest lets go of it. */
static bool agree_to_eject(struct vpci_bus *bus, uint32_t slot)
{
    const uint64_t end = time_us() + WAIT_US;
    struct vpci_slot_message message = {0};
    struct vmbus_packet head;
    size_t size;

    while (message.type != VPCI_EJECT && time_us() < end) {
        if (vmbus_channel_take(&bus->channel, &head, &message, sizeof(message), &size) !=
            VMBUS_RING_PACKET) {
            message.type = 0;
            vmbus_give_way();
        }
    }
    if (message.type != VPCI_EJECT)
        return false;
    bus->ejected = message.slot;
    if (message.slot != slot)
        return false;
    message.type = VPCI_EJECTION_COMPLETE;
    return vpci_tell(bus, &message, sizeof(message));
}

static bool power_down(struct vpci_bus *bus)
{
    const struct vpci_message leave = {VPCI_BUS_D0_EXIT};
    struct vpci_status_reply reply;

    return vpci_request(bus, &leave, sizeof(leave), &reply, sizeof(reply.status));
}

static bool release(struct vpci_bus *bus)
{
    bool told = true;

    for (unsigned i = 0; i < bus->functions && told; i++) {
        const struct vpci_slot_message message = {VPCI_RESOURCES_RELEASED,
                                                  bus->function[i].relation.slot};

        told = vpci_tell(bus, &message, sizeof(message));
    }
    return told;
}

bool vpci_switch_off(const struct pci_function *f, enum vpci_off how)
{
    struct vpci_bus *bus = f->vpci;
    const uint32_t slot = slot_of(f);
    const struct vpci_slot_message released = {VPCI_RESOURCES_RELEASED, slot};
    const struct vpci_power_state_change change = {VPCI_POWER_STATE_CHANGE, slot, VPCI_POWER_D3};
    struct vpci_status_reply reply;

    bus->let_go = true;
    if (how == VPCI_OFF_BY_POWER)
        return vpci_request(bus, &change, sizeof(change), &reply, sizeof(reply.status));
    return vpci_tell(bus, &released, sizeof(released)) && vpci_round_trip(f);
}

bool vpci_let_go(const struct pci_function *f, enum vpci_release how)
{
    struct vpci_bus *bus = f->vpci;

    bus->let_go = true;
    switch (how) {
    case VPCI_POWER_DOWN:
        return power_down(bus);
    case VPCI_SLEEP:
        (void)vpci_switch_off(f, VPCI_OFF_BY_POWER);
        return power_down(bus);
    case VPCI_RELEASE:
        return release(bus);
    default:
        vmbus_channel_close(&bus->channel);
        return true;
    }
}

bool vpci_remove(const struct pci_function *f, enum vpci_removal how)
{
    struct vpci_bus *bus = f->vpci;
    union vmbus_control message;
    const bool asked = control(f, how == VPCI_BY_EJECT ? BUS_CONTROL_EJECT : BUS_CONTROL_RESCIND);

    /* A host may have taken it away before, for an EJECTION_COMPLETE for which it did not ask. */
    bus->let_go = true;
    bus->ejected = VPCI_NOT_EJECTED;
    if ((how == VPCI_BY_EJECT && !(asked && agree_to_eject(bus, slot_of(f)))) ||
        (!bus->channel.offer->rescinded &&
         !vmbus_wait(VMBUS_RESCIND_CHANNEL_OFFER, is_channel, bus->channel.offer->channel_id,
                     &message, WAIT_US)))
        return false;
    bus->window = NULL;
    bus->let_go = false;
    bus->away = true;
    vmbus_channel_close(&bus->channel);
    return true;
}

uint32_t vpci_ejected_slot(const struct pci_function *f)
{
    const struct vpci_bus *bus = f->vpci;

    return bus->ejected;
}

bool vpci_restore(const struct pci_function *f)
{
    struct vpci_bus *bus = f->vpci;
    struct vmbus_offer *offer;
    union vmbus_control message;
    bool came = true;

    if (!bus || !bus->away)
        return true;
    if (!control(f, BUS_CONTROL_OFFER))
        return false;
    do { /* others may be offered meanwhile */
        came = vmbus_wait(VMBUS_OFFER_CHANNEL, NULL, 0, &message, WAIT_US);
        offer = vpci_offer_of(bus->channel.offer->instance_guid);
    } while (came && !offer);
    if (!offer)
        return false;
    bus->relations_came = false;
    vpci_bring_up(bus, offer);
    bus->away = bus->state.stage != VPCI_READY;
    for (unsigned i = 0; i < bus->functions && !bus->away; i++)
        pci_enable(&bus->function[i].pci, true);
    return !bus->away;
}
