/* SPDX-License-Identifier: MIT */
/* Functions of host/vdev. They have one BAR of 64 bits, and MSI or MSI-X. */
#include "host/iommu/soft_backend.h"
#include "host/vdev/bar_decode.h"
#include "host/vdev/config_trap.h"
#include "host/vdev/vdev.h"
#include "host/vmbus/synic.h"
#include "host/vpci/function.h"
#include "host/vpci/interrupts.h"

static uint32_t read(struct vpci_function *function, unsigned offset, unsigned size)
{
    return (uint32_t)vdev_config_read(function->virtual_function, offset, size);
}

static void write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    vdev_config_write(function->virtual_function, offset, size, value);
}

static void reset(struct vpci_function *function)
{
    struct vdev_function *virtual_function = function->virtual_function;

    write(function, CONFIG_COMMAND, 2, 0);
    write(function, CONFIG_BAR0, 4, 0);
    write(function, CONFIG_BAR0 + 4, 4, 0);
    write(function, MSI_CONTROL, 2, 0);
    if (virtual_function->ats)
        write(function, ATS_CONTROL, 2, 0);
    soft_lock();
    virtual_function->device->reset(virtual_function->engine);
    soft_unlock();
    interrupts_delete_all(function);
}

static bool send_message(void *owner, uint64_t address, uint32_t data)
{
    const struct interrupt_message *message = interrupts_find(owner, address, data);

    if (message)
        synic_send_vector(message->vp, message->vector);
    return message;
}

/* Messages are looked up when they are sent. */
static const struct vpci_function_ops ops = {.read = read, .write = write, .reset = reset};

bool virtual_function_init(struct vpci_function *function)
{
    struct vdev_function *virtual_function = vdev_find(function->bdf);

    if (!virtual_function || !virtual_function->device)
        return false;
    function->ops = &ops;
    function->virtual_function = virtual_function;
    function->bar_mask[0] =
        ~(virtual_function->device->bar_size - 1u) | BAR_64_BIT | BAR_PREFETCHABLE;
    function->bar_mask[1] = UINT32_MAX;
    virtual_function->send_message = send_message;
    virtual_function->message_owner = function;
    return true;
}
