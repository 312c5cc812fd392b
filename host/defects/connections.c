/* SPDX-License-Identifier: MIT */
/* Connections to VMBus that end, and what is left of them for the next kernel. */
#include "abi/hypercall.h"
#include "abi/vmbus.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/domains/private.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/vmbus_rules.h"
#include "host/vpci/vpci_rules.h"

static void (*right_end)(void);
static void (*right_leave)(uint64_t device_id);
static call_handler *right_attach, *right_post;
static bool ending;     /* a connection does */
static bool owed;       /* its end has yet to happen */
static unsigned ends;   /* of connections with an open channel */
static unsigned hollow; /* the end after which an ATTACH did nothing */

static struct vmbus_channel *last_open(void)
{
    for (unsigned i = channels_count(); i > 0; i--)
        if (channel_at(i - 1)->state == CHANNEL_OPEN)
            return channel_at(i - 1);
    return NULL;
}

static void end(void)
{
    struct vmbus_channel *open = last_open();

    if (open && defect_active(DEFECT_VMBUS_END_KEEPS_RINGS)) {
        owed = true;
        return;
    }
    ends += open ? 1 : 0;
    ending = true;
    right_end();
    ending = false;
    if (open && defect_active(DEFECT_VMBUS_END_LOSES_BUS))
        open->state = CHANNEL_ABSENT;
}

static void leave(uint64_t device_id)
{
    struct device *device = device_find(device_id);

    if (!ending || !device)
        right_leave(device_id);
    else
        device_move(device, NULL);
}

static enum hv_status attach(struct call_context *context)
{
    const struct hv_input_attach_device_domain *input = call_input(context);
    struct device *device = device_find(input->device_id);
    struct translation old = device ? device->translation : translation_blocked();
    enum hv_status status = right_attach(context);

    if (status == HV_STATUS_SUCCESS && hollow != ends) {
        hollow = ends;
        device_switch(device, &old);
    }
    return status;
}

static enum hv_status post(struct call_context *context)
{
    const struct hv_input_post_message *input = call_input(context);
    const struct vmbus_message *message = (const void *)input->payload;

    if (ends != 0 && message->type == VMBUS_INITIATE_CONTACT &&
        defect_active(DEFECT_VMBUS_CONTACT_ONCE))
        return HV_STATUS_SUCCESS;
    if (owed && message->type == VMBUS_GPADL_HEADER) {
        owed = false;
        right_end();
    }
    return right_post(context);
}

void defects_install_connections(void)
{
    if (!ANY(DEFECT_VMBUS_END_KEEPS_TABLES, DEFECT_VMBUS_END_ATTACH_HOLLOW,
             DEFECT_VMBUS_END_KEEPS_RINGS, DEFECT_VMBUS_END_LOSES_BUS, DEFECT_VMBUS_CONTACT_ONCE))
        return;
    right_end = vmbus_rules.end_channels;
    vmbus_rules.end_channels = end;
    if (defect_active(DEFECT_VMBUS_END_KEEPS_TABLES)) {
        right_leave = vpci_rules.leave_domain;
        vpci_rules.leave_domain = leave;
    }
    if (defect_active(DEFECT_VMBUS_END_ATTACH_HOLLOW))
        right_attach = call_in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
    if (ANY(DEFECT_VMBUS_END_KEEPS_RINGS, DEFECT_VMBUS_CONTACT_ONCE))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
}
