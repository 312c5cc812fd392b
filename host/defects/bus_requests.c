/* SPDX-License-Identifier: MIT */
/* Requests on vPCI channels that are taken for others, and interrupts that lead elsewhere. */
#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/retarget_interrupt.h"
#include "abi/vpci.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vpci/bus.h"
#include "host/vpci/interrupts.h"
#include "lib/bits.h"

#define MESSAGES_TRIED  512u
#define MESSAGE_ADDRESS 0xFEE00000u
#define UNKNOWN_REQUEST VPCI_MESSAGE(0xFF)

static call_handler *right_retarget;
static void (*right_received)(void *owner, const struct ring_packet *packet);
static uint32_t first_version[VMBUS_CHANNELS_MAX + 1];
static struct ring_packet packet_copy;

static bool asks_for_relations(uint32_t type)
{
    return type == VPCI_QUERY_BUS_RELATIONS || type == VPCI_BUS_D0_ENTRY;
}

static void keep_first_version(struct vpci_bus *bus)
{
    uint32_t *first = &first_version[vmbus_channel_id(bus->channel)];

    if (bus->version != 0 && *first != 0)
        bus->version = *first;
    *first = bus->version;
}

static void change_delete(struct vpci_interrupt *interrupt)
{
    uint16_t count = interrupt->count;

    if (defect_active(DEFECT_BLOCK_DELETE_FIRST))
        interrupt->count = 1;
    if (defect_active(DEFECT_BLOCK_DELETE_MORE))
        interrupt->count = (uint16_t)(2 * count);
    if (defect_active(DEFECT_BLOCK_DELETE_NEXT))
        interrupt->data += count;
}

/* The messages of a block, which were made just now, get the vector of the first one. */
static void join_vectors(struct vpci_bus *bus, const struct vpci_create_interrupt_3 *request)
{
    struct vpci_function *function = vpci_bus_function(bus, request->slot);
    uint32_t first = request->vector & 0xFFu;

    for (uint32_t data = 0; function && data < MESSAGES_TRIED; data++) {
        struct interrupt_message *message = interrupts_find(function, MESSAGE_ADDRESS, data);

        if (message && message->vector > first && message->vector < first + request->count)
            message->vector = (uint8_t)first;
    }
}

/* The request again for each function of the bus, without an answer. */
static void for_all_functions(struct vpci_bus *bus)
{
    static struct ring_packet again;

    again = packet_copy;
    again.completion_requested = false;
    for (unsigned i = 0; i < bus->functions; i++) {
        ((struct vpci_slot_message *)(void *)again.payload)->slot =
            vpci_function_slot(&bus->function[i]);
        right_received(bus, &again);
    }
}

/* Messages that end with the resources of their functions, or with the power of the bus, do not. */
static void keep_messages(struct vpci_bus *bus, const struct ring_packet *packet)
{
    static struct interrupt_message kept[MESSAGES_TRIED], *place[MESSAGES_TRIED];
    unsigned count = 0;

    for (unsigned i = 0; i < bus->functions; i++) {
        for (uint32_t data = 0; data < MESSAGES_TRIED; data++) {
            struct interrupt_message *message =
                interrupts_find(&bus->function[i], MESSAGE_ADDRESS, data);

            if (message) {
                kept[count] = *message;
                place[count++] = message;
            }
        }
    }
    right_received(bus, packet);
    while (count-- > 0)
        *place[count] = kept[count];
}

static bool keeps_messages(uint32_t type)
{
    return (type == VPCI_RESOURCES_RELEASED && defect_active(DEFECT_RELEASE_KEEPS_MESSAGES)) ||
           (type == VPCI_BUS_D0_EXIT && defect_active(DEFECT_D0_EXIT_KEEPS_MESSAGES));
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct vpci_bus *bus = owner;
    uint32_t version = bus->version, type;

    packet_copy = *packet;
    type = ((const struct vpci_message *)(const void *)packet_copy.payload)->type;
    if (type == VPCI_DELETE_INTERRUPT || type == VPCI_DELETE_INTERRUPT_2)
        change_delete(&((struct vpci_delete_interrupt *)(void *)packet_copy.payload)->interrupt);
    if (type == VPCI_CREATE_INTERRUPT_2 && version == VPCI_VERSION_1_2 &&
        defect_active(DEFECT_INTERRUPT_FORM_REFUSED))
        ((struct vpci_message *)(void *)packet_copy.payload)->type = UNKNOWN_REQUEST;
    if (type == VPCI_CREATE_INTERRUPT_3 && defect_active(DEFECT_INTERRUPT_FIRST_PROCESSOR))
        ((struct vpci_create_interrupt_3 *)(void *)packet_copy.payload)->vp[0] = 0;
    if (version == VPCI_VERSION_1_2 && asks_for_relations(type) &&
        defect_active(DEFECT_RELATIONS_TOO_NEW))
        bus->version = VPCI_VERSION_1_3;
    if (keeps_messages(type))
        keep_messages(bus, &packet_copy);
    else
        right_received(owner, &packet_copy);
    if ((type == VPCI_POWER_STATE_CHANGE && defect_active(DEFECT_POWER_STATE_OF_BUS)) ||
        (type == VPCI_RESOURCES_RELEASED && defect_active(DEFECT_RELEASE_OF_BUS)))
        for_all_functions(bus);
    if (version == VPCI_VERSION_1_2 && asks_for_relations(type))
        bus->version = version;
    if (type == VPCI_QUERY_PROTOCOL_VERSION && defect_active(DEFECT_VERSION_OF_FIRST))
        keep_first_version(bus);
    if (type == VPCI_CREATE_INTERRUPT_3 && defect_active(DEFECT_BLOCK_ONE_VECTOR))
        join_vectors(bus, (const void *)packet_copy.payload);
}

static struct interrupt_message *find(const struct hv_input_retarget_device_interrupt *input,
                                      uint32_t data)
{
    const struct vpci_function *function = vpci_function_find((uint32_t)input->device_id);

    return function ? interrupts_find(function, input->address, data) : NULL;
}

static enum hv_status retarget(struct call_context *context)
{
    const struct hv_input_retarget_device_interrupt *input = call_input(context);
    struct interrupt_message *message = find(input, input->data), before = {NULL, 0, 0}, *next;
    enum hv_status status;

    if (message)
        before = *message;
    status = right_retarget(context);
    if (status != HV_STATUS_SUCCESS || !message)
        return status;
    if (defect_active(DEFECT_RETARGET_KEEPS_PROCESSOR) ||
        (message->vector == before.vector && defect_active(DEFECT_RETARGET_SAME_VECTOR)))
        message->vp = before.vp;
    if (message->vp == 0 && defect_active(DEFECT_RETARGET_NOT_BACK))
        message->vp = before.vp;
    if (defect_active(DEFECT_RETARGET_KEEPS_VECTOR) ||
        (message->vp == before.vp && defect_active(DEFECT_RETARGET_SAME_PROCESSOR)))
        message->vector = before.vector;
    next = find(input, input->data + 1);
    if (next && defect_active(DEFECT_RETARGET_MOVES_BLOCK))
        next->vp = message->vp;
    if (message->function->ops->retargeted)
        message->function->ops->retargeted(message->function);
    return status;
}

void defects_install_bus_requests(void)
{
    if (ANY(DEFECT_RELATIONS_TOO_NEW, DEFECT_VERSION_OF_FIRST, DEFECT_INTERRUPT_FORM_REFUSED,
            DEFECT_BLOCK_DELETE_FIRST, DEFECT_BLOCK_DELETE_MORE, DEFECT_BLOCK_DELETE_NEXT,
            DEFECT_BLOCK_ONE_VECTOR, DEFECT_RELEASE_KEEPS_MESSAGES, DEFECT_D0_EXIT_KEEPS_MESSAGES,
            DEFECT_INTERRUPT_FIRST_PROCESSOR, DEFECT_POWER_STATE_OF_BUS, DEFECT_RELEASE_OF_BUS)) {
        right_received = vpci_service.received;
        vpci_service.received = received;
    }
    if (ANY(DEFECT_RETARGET_KEEPS_PROCESSOR, DEFECT_RETARGET_KEEPS_VECTOR,
            DEFECT_RETARGET_MOVES_BLOCK, DEFECT_RETARGET_NOT_BACK, DEFECT_RETARGET_SAME_PROCESSOR,
            DEFECT_RETARGET_SAME_VECTOR))
        right_retarget = call_in_front(HVCALL_RETARGET_DEVICE_INTERRUPT, retarget);
}
