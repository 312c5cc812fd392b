/* SPDX-License-Identifier: MIT */
/* Functions of a virtual PCI bus that are to go. */
#include "abi/bus_control.h"
#include "abi/hypercall.h"
#include "abi/vmbus_ring.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vpci/bus.h"

static call_handler *right_control;

/* The device and the function change their places in the slot word. */
static enum hv_status eject_as_requester(const struct vpci_function *function)
{
    const struct vpci_slot_message message = {
        .type = VPCI_EJECT, .slot = (vpci_rules.device << 3) | (function->bdf & 7u)};

    return function->bus->powered && vmbus_send(function->bus->channel, VMBUS_PACKET_DATA, 0,
                                                &message, sizeof(message))
               ? HV_STATUS_SUCCESS
               : HV_STATUS_INVALID_DEVICE_STATE;
}

static enum hv_status control(struct call_context *context)
{
    static const struct vpci_function *last;
    struct bus_control_input *input = call_input(context);
    const struct vpci_function *function = vpci_function_find(input->device_id), *before = last;

    if (!function || input->action != BUS_CONTROL_EJECT)
        return right_control(context);
    last = function;
    if (defect_active(DEFECT_EJECT_NAMES_FIRST))
        input->device_id = function->bus->function[0].device_id;
    if (before && before->bus == function->bus && defect_active(DEFECT_EJECT_NAMES_LAST))
        input->device_id = before->device_id;
    if (defect_active(DEFECT_EJECT_AS_REQUESTER))
        return eject_as_requester(function);
    return right_control(context);
}

void defects_install_functions_off(void)
{
    if (ANY(DEFECT_EJECT_NAMES_FIRST, DEFECT_EJECT_NAMES_LAST, DEFECT_EJECT_AS_REQUESTER))
        right_control = call_in_front(HVCALL_BUS_CONTROL, control);
}
