/* SPDX-License-Identifier: MIT */
/* Interrupts of vPCI that are asked for in one of several forms, moved by a mask, or moved where
 * they may not go. */
#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/retarget_interrupt.h"
#include "abi/synic.h"
#include "abi/vmbus_ring.h"
#include "abi/vpci.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/synic.h"
#include "host/vpci/bus.h"
#include "host/vpci/interrupts.h"
#include "lib/bits.h"

#define MASK_BITS 64u

static call_handler *right_retarget;
static void (*right_received)(void *owner, const struct ring_packet *packet);
static struct ring_packet packet_copy;

/* The mask is taken for the number of a processor. */
static uint64_t number_of(uint64_t mask)
{
    return mask < MASK_BITS ? BIT(mask) : 0;
}

/* The function to which the message belongs, whichever the call names; NULL: none. */
static struct vpci_function *owner_of(const struct hv_input_retarget_device_interrupt *input)
{
    for (unsigned i = 0; i < channels_count(); i++) {
        struct vpci_bus *bus = channel_at(i)->owner;

        if (channel_at(i)->service->interface_guid != vpci_service.interface_guid)
            continue;
        for (unsigned f = 0; f < bus->functions; f++)
            if (interrupts_find(&bus->function[f], input->address, input->data))
                return &bus->function[f];
    }
    return NULL;
}

/* The last message of the call; NULL: there is none. */
static struct interrupt_message *message_of(const struct hv_input_retarget_device_interrupt *input)
{
    struct vpci_function *function = owner_of(input);

    return function && (uint32_t)function->device_id == (uint32_t)input->device_id
               ? interrupts_find(function, input->address, input->data)
               : NULL;
}

/* The call was refused, and what it names is stored all the same. */
static void move_refused(const struct hv_input_retarget_device_interrupt *input, bool by_mask)
{
    const uint64_t mask = by_mask ? input->processor_mask : 0;
    struct vpci_function *owner = owner_of(input);
    struct interrupt_message *message =
        owner ? interrupts_find(owner, input->address, input->data) : NULL;
    const bool other_device = !message_of(input);

    if (!message)
        return;
    if (!other_device && defect_active(DEFECT_RETARGET_REFUSED_MOVES))
        message->vector = (uint8_t)input->vector;
    if (mask != 0 && mask < BIT(synic_vps()) &&
        defect_active(other_device ? DEFECT_RETARGET_OTHER_DEVICE_MOVES
                                   : DEFECT_RETARGET_REFUSED_PROCESSOR))
        message->vp = (uint8_t)__builtin_ctzll(mask);
    if (owner->ops->retargeted)
        owner->ops->retargeted(owner);
}

static void change_retarget(struct hv_input_retarget_device_interrupt *input)
{
    const struct vpci_function *owner = owner_of(input);
    const bool by_mask = (input->flags & HV_RETARGET_PROCESSOR_SET) == 0;

    if (by_mask && defect_active(DEFECT_RETARGET_MASK_AS_NUMBER))
        input->processor_mask = number_of(input->processor_mask);
    if (by_mask && input->processor_mask >= BIT(synic_vps()) &&
        defect_active(DEFECT_RETARGET_PROCESSOR_ANY))
        input->processor_mask = 1;
    if (by_mask && input->processor_mask == 0 && defect_active(DEFECT_RETARGET_TO_NONE))
        input->processor_mask = 1;
    if (owner && defect_active(DEFECT_RETARGET_DEVICE_ANY))
        input->device_id = owner->device_id;
}

static enum hv_status retarget(struct call_context *context)
{
    struct hv_input_retarget_device_interrupt *input = call_input(context);
    const bool by_mask = (input->flags & HV_RETARGET_PROCESSOR_SET) == 0;
    struct interrupt_message *message = message_of(input), before = {NULL, 0, 0};
    enum hv_status status;

    if (message)
        before = *message;
    if (by_mask && defect_active(DEFECT_RETARGET_MASK_REFUSED))
        return HV_STATUS_INVALID_PARAMETER;
    change_retarget(input);
    if (message && input->vector < HV_SINT_VECTOR_FIRST &&
        defect_active(DEFECT_RETARGET_EXCEPTION_TAKEN))
        return HV_STATUS_SUCCESS;
    status = right_retarget(context);
    if (status != HV_STATUS_SUCCESS)
        move_refused(input, by_mask);
    if (!message || status != HV_STATUS_SUCCESS)
        return status;
    if (by_mask && defect_active(DEFECT_RETARGET_MASK_IGNORED))
        message->vp = before.vp;
    if (message->function->ops->retargeted)
        message->function->ops->retargeted(message->function);
    return status;
}

static void change_create(void *payload)
{
    struct vpci_create_interrupt *first = payload;
    struct vpci_create_interrupt_2 *second = payload;

    if (first->type == VPCI_CREATE_INTERRUPT && defect_active(DEFECT_CREATE_MASK_AS_NUMBER))
        first->vp_mask = number_of(first->vp_mask);
    if (first->type == VPCI_CREATE_INTERRUPT && defect_active(DEFECT_CREATE_MASK_IGNORED))
        first->vp_mask = 1;
    if (first->type == VPCI_CREATE_INTERRUPT_2 && defect_active(DEFECT_CREATE_LIST_IGNORED))
        second->vp[0] = 0;
}

static bool creates(const struct vpci_message *message)
{
    return message->type == VPCI_CREATE_INTERRUPT || message->type == VPCI_CREATE_INTERRUPT_2 ||
           message->type == VPCI_CREATE_INTERRUPT_3;
}

/* In the reply that the host has put at that index of its ring. */
static void change_count(const struct ring *ring, uint32_t index, uint16_t count)
{
    const uint32_t at = (index + (uint32_t)sizeof(struct vmbus_packet) +
                         (uint32_t)offsetof(struct vpci_create_interrupt_reply, interrupt.count)) %
                        ((ring->pages - 1) * (uint32_t)PAGE_SIZE);

    (void)guest_write((ring->page[1 + at / PAGE_SIZE] << PAGE_SHIFT) + at % PAGE_SIZE, &count,
                      sizeof(count));
}

static void received(void *owner, const struct ring_packet *packet)
{
    const struct ring *ring = &((struct vpci_bus *)owner)->channel->to_guest;
    const uint32_t index = ring->index;

    packet_copy = *packet;
    change_create(packet_copy.payload);
    right_received(owner, &packet_copy);
    if (!creates((const void *)packet_copy.payload) || ring->index == index)
        return;
    if (defect_active(DEFECT_CREATE_ANSWERS_ONE))
        change_count(ring, index, 1);
    if (defect_active(DEFECT_CREATE_ANSWERS_NONE))
        change_count(ring, index, 0);
}

void defects_install_interrupt_forms(void)
{
    if (ANY(DEFECT_CREATE_MASK_AS_NUMBER, DEFECT_CREATE_MASK_IGNORED, DEFECT_CREATE_LIST_IGNORED,
            DEFECT_CREATE_ANSWERS_ONE, DEFECT_CREATE_ANSWERS_NONE)) {
        right_received = vpci_service.received;
        vpci_service.received = received;
    }
    if (ANY(DEFECT_RETARGET_MASK_AS_NUMBER, DEFECT_RETARGET_MASK_IGNORED,
            DEFECT_RETARGET_MASK_REFUSED, DEFECT_RETARGET_PROCESSOR_ANY, DEFECT_RETARGET_TO_NONE,
            DEFECT_RETARGET_DEVICE_ANY, DEFECT_RETARGET_EXCEPTION_TAKEN,
            DEFECT_RETARGET_REFUSED_MOVES, DEFECT_RETARGET_REFUSED_PROCESSOR,
            DEFECT_RETARGET_OTHER_DEVICE_MOVES))
        right_retarget = call_in_front(HVCALL_RETARGET_DEVICE_INTERRUPT, retarget);
}
