/* SPDX-License-Identifier: MIT */
#include "host/vpci/interrupts.h"

#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/vdev/msi.h"
#include "host/vmbus/synic.h"
#include "host/vpci/retarget_parse.h"
#include "host/vpci/vpci.h"
#include "lib/bits.h"

/* All have MESSAGE_ADDRESS, as some drivers and devices check; the data is the number of the
 * message. */
#define MESSAGES_MAX 512u

static struct interrupt_message messages[MESSAGES_MAX];

/* First of `count` free messages at a multiple of their number, rounded up to a power of two;
 * MESSAGES_MAX: none. */
static uint32_t find_free(uint32_t count)
{
    uint32_t step = UINT32_C(1) << log2_ceil(count);

    for (uint32_t first = 0; first + count <= MESSAGES_MAX; first += step) {
        uint32_t free = 0;

        while (free < count && !messages[first + free].function)
            free++;
        if (free == count)
            return first;
    }
    return MESSAGES_MAX;
}

static bool target_valid(uint64_t vp, uint32_t vector, uint32_t count)
{
    return vp < synic_vps() && vector >= HV_SINT_VECTOR_FIRST && vector <= UINT8_MAX &&
           count <= UINT8_MAX - vector + 1;
}

uint32_t interrupts_create(struct vpci_function *function, uint32_t vector, uint32_t count,
                           uint64_t vps, struct vpci_interrupt *interrupt)
{
    uint32_t vp = vps != 0 ? (uint32_t)__builtin_ctzll(vps) : UINT32_MAX, first;

    if (!target_valid(vp, vector, count))
        return NT_STATUS_INVALID_PARAMETER;
    first = find_free(count);
    if (first == MESSAGES_MAX)
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    for (uint32_t i = 0; i < count; i++)
        messages[first + i] = (struct interrupt_message){
            .function = function, .vector = (uint8_t)(vector + i), .vp = (uint8_t)vp};
    *interrupt = (struct vpci_interrupt){
        .count = (uint16_t)count, .data = first, .address = MESSAGE_ADDRESS};
    return NT_STATUS_SUCCESS;
}

struct interrupt_message *interrupts_find(const struct vpci_function *function, uint64_t address,
                                          uint32_t data)
{
    if (address != MESSAGE_ADDRESS || data >= MESSAGES_MAX || messages[data].function != function)
        return NULL;
    return &messages[data];
}

void interrupts_delete(struct vpci_function *function, const struct vpci_interrupt *interrupt)
{
    for (uint32_t i = 0; i < interrupt->count && i < VPCI_INTERRUPTS_PER_REQUEST; i++) {
        struct interrupt_message *message =
            interrupts_find(function, interrupt->address, interrupt->data + i);

        if (message)
            message->function = NULL;
    }
    if (function->ops->retargeted)
        function->ops->retargeted(function);
}

void interrupts_delete_all(struct vpci_function *function)
{
    for (uint32_t i = 0; i < MESSAGES_MAX; i++)
        if (messages[i].function == function)
            messages[i].function = NULL;
}

enum hv_status vpci_retarget(const struct hv_input_retarget_device_interrupt *input,
                             const uint64_t *header, uint32_t header_qwords)
{
    struct retarget retarget;
    struct interrupt_message *message;

    if (input->partition_id != HV_PARTITION_ID_SELF)
        return HV_STATUS_INVALID_PARTITION_ID;
    if (!retarget_parse(input, header, header_qwords, &retarget) ||
        retarget.address != MESSAGE_ADDRESS || retarget.data >= MESSAGES_MAX)
        return HV_STATUS_INVALID_PARAMETER;
    message = &messages[retarget.data];
    if (!message->function || (uint32_t)message->function->device_id != retarget.device_id ||
        !target_valid(retarget.vp, retarget.vector, 1))
        return HV_STATUS_INVALID_PARAMETER;
    message->vector = (uint8_t)retarget.vector;
    message->vp = (uint8_t)retarget.vp;
    if (message->function->ops->retargeted)
        message->function->ops->retargeted(message->function);
    return HV_STATUS_SUCCESS;
}
