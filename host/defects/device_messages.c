/* SPDX-License-Identifier: MIT */
/* Interrupt messages of devices, and what else the host does when one is sent. */
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/vdev/vdev.h"
#include "host/vdev/vdev_rules.h"

#define LOSERS_MAX 64u

static bool (*right_send)(const struct vdev_function *function, uint64_t address, uint32_t data);
static struct {
    uint16_t bdf[LOSERS_MAX];
    unsigned count;
} losers;

/* The software IOMMU is locked while a message is sent: the device is switched in the next call. */
static struct device *opened;
static call_handler *right_call[CALL_COUNT];

static enum hv_status handle(struct call_context *context)
{
    struct device *device = opened;

    opened = NULL;
    if (device && device->translation.kind == TRANSLATION_BLOCKED)
        device_switch(device, &domain_table.default_translation);
    return right_call[context->call - calls](context);
}

static struct device *device_of(const struct vdev_function *function)
{
    for (unsigned i = 0; i < domain_table.devices; i++)
        if (domain_table.device[i].bdf == function->bdf)
            return &domain_table.device[i];
    return NULL;
}

static bool loses(uint16_t bdf)
{
    for (unsigned i = 0; i < losers.count; i++)
        if (losers.bdf[i] == bdf)
            return true;
    return false;
}

static bool send(const struct vdev_function *function, uint64_t address, uint32_t data)
{
    struct device *device = device_of(function);
    bool blocked = device && device->translation.kind == TRANSLATION_BLOCKED;

    if (blocked && defect_active(DEFECT_MESSAGE_LOST_ONCE_BLOCKED) && losers.count < LOSERS_MAX)
        losers.bdf[losers.count++] = function->bdf;
    if (blocked && defect_active(DEFECT_MESSAGE_OPENS))
        opened = device;
    return !loses(function->bdf) && right_send(function, address, data);
}

void defects_install_device_messages(void)
{
    if (!ANY(DEFECT_MESSAGE_LOST_ONCE_BLOCKED, DEFECT_MESSAGE_OPENS))
        return;
    right_send = vdev_rules.send_message;
    vdev_rules.send_message = send;
    if (defect_active(DEFECT_MESSAGE_OPENS))
        calls_in_front(handle, right_call);
}
