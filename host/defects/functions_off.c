/* SPDX-License-Identifier: MIT */
/* Functions of a virtual PCI bus that are to go, or to sleep, or to answer no more. */
#include "abi/bus_control.h"
#include "abi/hypercall.h"
#include "abi/vmbus_ring.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vpci/bus.h"

static call_handler *right_control;
static void (*right_received)(void *owner, const struct ring_packet *packet);
static bool (*right_map)(uint64_t gpa, void *page);
static struct ring_packet packet_copy;
static uint32_t handled; /* type of the request that is carried out; 0: none is */

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

static uint32_t power_state(uint32_t state)
{
    if (defect_active(DEFECT_POWER_D3_IS_3) &&
        (state == VPCI_POWER_D3 - 1 || state == VPCI_POWER_D3))
        return state ^ (VPCI_POWER_D3 - 1) ^ VPCI_POWER_D3;
    if (defect_active(DEFECT_POWER_OTHER_IS_D3) && state != VPCI_POWER_D0)
        return VPCI_POWER_D3;
    return defect_active(DEFECT_POWER_STATE_CUT) ? (uint8_t)state : state;
}

/* Outside of requests a page goes because of a write to the configuration window. */
static bool map(uint64_t gpa, void *page)
{
    if (!page && ((handled == 0 && defect_active(DEFECT_DECODING_OFF_MAPPED)) ||
                  (handled == VPCI_RESOURCES_RELEASED && defect_active(DEFECT_RELEASE_MAPPED)) ||
                  (handled == VPCI_BUS_D0_EXIT && defect_active(DEFECT_D0_EXIT_MAPPED))))
        return true;
    return right_map(gpa, page);
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct vpci_power_state_change *change = (void *)packet_copy.payload;

    if (vpci_hooks.map_page != map) { /* it is not known before launch */
        right_map = vpci_hooks.map_page;
        vpci_hooks.map_page = map;
    }
    packet_copy = *packet;
    handled = change->type;
    if (change->type == VPCI_POWER_STATE_CHANGE)
        change->state = power_state(change->state);
    right_received(owner, &packet_copy);
    handled = 0;
}

void defects_install_functions_off(void)
{
    if (ANY(DEFECT_POWER_D3_IS_3, DEFECT_POWER_OTHER_IS_D3, DEFECT_POWER_STATE_CUT,
            DEFECT_DECODING_OFF_MAPPED, DEFECT_RELEASE_MAPPED, DEFECT_D0_EXIT_MAPPED)) {
        right_received = vpci_service.received;
        vpci_service.received = received;
    }
    if (ANY(DEFECT_EJECT_NAMES_FIRST, DEFECT_EJECT_NAMES_LAST, DEFECT_EJECT_AS_REQUESTER))
        right_control = call_in_front(HVCALL_BUS_CONTROL, control);
}
