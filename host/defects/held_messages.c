/* SPDX-License-Identifier: MIT */
/* Messages that are retargeted while a device holds them: the host knows where they lead, and the
 * device does not, until the guest writes them into it again. */
#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/retarget_interrupt.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vdev/config_space.h"
#include "host/vdev/vdev.h"
#include "host/vdev/vdev_rules.h"
#include "host/vmbus/synic.h"
#include "host/vpci/bus.h"
#include "host/vpci/function.h"
#include "host/vpci/interrupts.h"
#include "host/vpci/machine_function.h"

#define MESSAGES_TRIED 512u /* that the host gives out */

static call_handler *right_retarget;
static bool (*right_send)(const struct vdev_function *function, uint64_t address, uint32_t data);
static const struct vpci_function_ops *right_ops; /* of dmaprobe */
static struct vpci_function_ops virtual_ops;
/* By the number of the message. */
static bool was_retargeted[MESSAGES_TRIED];
static struct interrupt_message held[MESSAGES_TRIED];

/* The device learns that a message which led to `before` leads to `after`. */
static bool is_told(const struct machine_function *machine, uint32_t data,
                    const struct interrupt_message *before, const struct interrupt_message *after)
{
    bool first = !was_retargeted[data];

    was_retargeted[data] = true;
    return !defect_active(DEFECT_HELD_MESSAGE_STAYS) &&
           (first || !defect_active(DEFECT_HELD_MESSAGE_MOVES_ONCE)) &&
           (machine->msix == 0 || !defect_active(DEFECT_HELD_MESSAGE_MSI_ONLY)) &&
           (before->vector != after->vector || !defect_active(DEFECT_HELD_MESSAGE_SAME_VECTOR)) &&
           (before->vp != after->vp || !defect_active(DEFECT_HELD_MESSAGE_SAME_PROCESSOR));
}

static enum hv_status retarget(struct call_context *context)
{
    const struct hv_input_retarget_device_interrupt *input = call_input(context);
    const uint32_t data = input->data;
    struct vpci_function *function = vpci_function_find((uint32_t)input->device_id);
    const struct interrupt_message *message =
        function && function->machine ? interrupts_find(function, input->address, data) : NULL;
    const struct vpci_function_ops *ops;
    struct vpci_function_ops silent;
    struct interrupt_message before;
    enum hv_status status;

    if (!message || data >= MESSAGES_TRIED)
        return right_retarget(context);
    before = *message;
    ops = function->ops;
    silent = *ops;
    silent.retargeted = NULL;
    function->ops = &silent;
    status = right_retarget(context);
    function->ops = ops;
    if (status == HV_STATUS_SUCCESS && is_told(function->machine, data, &before, message))
        ops->retargeted(function);
    return status;
}

static void forget(const struct vpci_function *function)
{
    for (unsigned i = 0; i < MESSAGES_TRIED; i++)
        if (held[i].function == function)
            held[i].function = NULL;
}

static void write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    if (offset >= MSI_CONTROL && offset <= MSI_DATA)
        forget(function);
    right_ops->write(function, offset, size, value);
}

/* A message of dmaprobe goes where it went at first, until it is written again. */
static bool send(const struct vdev_function *virtual_function, uint64_t address, uint32_t data)
{
    struct vpci_function *function = virtual_function->message_owner;
    const struct interrupt_message *message =
        function && virtual_function->probe ? interrupts_find(function, address, data) : NULL;

    if (!message || data >= MESSAGES_TRIED)
        return right_send(virtual_function, address, data);
    if (function->ops != &virtual_ops) {
        right_ops = function->ops;
        virtual_ops = *right_ops;
        virtual_ops.write = write;
        function->ops = &virtual_ops;
    }
    if (held[data].function != function)
        held[data] = *message;
    synic_send_vector(held[data].vp, held[data].vector);
    return true;
}

void defects_install_held_messages(void)
{
    if (ANY(DEFECT_HELD_MESSAGE_STAYS, DEFECT_HELD_MESSAGE_MOVES_ONCE, DEFECT_HELD_MESSAGE_MSI_ONLY,
            DEFECT_HELD_MESSAGE_SAME_VECTOR, DEFECT_HELD_MESSAGE_SAME_PROCESSOR))
        right_retarget = call_in_front(HVCALL_RETARGET_DEVICE_INTERRUPT, retarget);
    if (defect_active(DEFECT_HELD_MESSAGE_OF_PROBE)) {
        right_send = vdev_rules.send_message;
        vdev_rules.send_message = send;
    }
}
