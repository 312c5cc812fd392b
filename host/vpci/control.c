/* SPDX-License-Identifier: MIT */
/* Buses that go and come while the guest runs (abi/bus_control.h). */
#include <stddef.h>

#include "abi/vmbus_ring.h"
#include "host/vpci/bus.h"
#include "host/vpci/vpci.h"

static struct vpci_bus *bus_of(uint64_t device_id, struct vpci_function **function)
{
    unsigned count;
    struct vpci_bus *bus = vpci_buses(&count);

    for (unsigned i = 0; i < count; i++) {
        for (unsigned f = 0; f < bus[i].functions; f++) {
            *function = &bus[i].function[f];
            if ((*function)->device_id == device_id)
                return &bus[i];
        }
    }
    return NULL;
}

static bool eject(struct vpci_bus *bus, const struct vpci_function *function)
{
    struct vpci_slot_message message = {.type = VPCI_EJECT, .slot = vpci_function_slot(function)};

    return bus->powered &&
           vmbus_send(bus->channel, VMBUS_PACKET_DATA, 0, &message, sizeof(message));
}

enum hv_status vpci_control(const struct bus_control_input *input)
{
    struct vpci_function *function = NULL;
    struct vpci_bus *bus = bus_of(input->device_id, &function);
    bool done;

    if (!bus)
        return HV_STATUS_INVALID_DEVICE_ID;
    if (input->reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    switch (input->action) {
    case BUS_CONTROL_EJECT:
        done = eject(bus, function);
        break;
    case BUS_CONTROL_RESCIND:
        done = vmbus_rescind(bus->channel);
        break;
    case BUS_CONTROL_OFFER:
        done = vmbus_offer_again(bus->channel);
        break;
    default:
        return HV_STATUS_INVALID_PARAMETER;
    }
    return done ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_DEVICE_STATE;
}
