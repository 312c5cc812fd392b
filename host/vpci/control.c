/* SPDX-License-Identifier: MIT */
/* Buses that go and come while the guest runs (abi/bus_control.h). */
#include "abi/vmbus_ring.h"
#include "host/vpci/bus.h"
#include "host/vpci/vpci.h"

static bool eject(const struct vpci_function *function)
{
    struct vpci_slot_message message = {.type = VPCI_EJECT, .slot = vpci_function_slot(function)};

    return function->bus->powered &&
           vmbus_send(function->bus->channel, VMBUS_PACKET_DATA, 0, &message, sizeof(message));
}

enum hv_status vpci_control(const struct bus_control_input *input)
{
    const struct vpci_function *function = vpci_function_find(input->device_id);
    bool done;

    if (!function)
        return HV_STATUS_INVALID_DEVICE_ID;
    if (input->reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    switch (input->action) {
    case BUS_CONTROL_EJECT:
        done = eject(function);
        break;
    case BUS_CONTROL_RESCIND:
        done = vmbus_rescind(function->bus->channel);
        break;
    case BUS_CONTROL_OFFER:
        done = vmbus_offer_again(function->bus->channel);
        break;
    default:
        return HV_STATUS_INVALID_PARAMETER;
    }
    return done ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_DEVICE_STATE;
}
