/* SPDX-License-Identifier: MIT */
/* Connections to VMBus of which something lives on after the message that ends them: a contact that
 * is refused, one on a connection, or UNLOAD. */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/synic.h"
#include "host/vmbus/vmbus_rules.h"

static call_handler *right_post;
static void (*right_end)(void);
static uint32_t vp;      /* that the last contact named */
static bool connected;   /* by an earlier message than this one */
static bool refused;     /* this message is a contact that is refused */
static bool other;       /* ... is a contact that names another processor */
static uint32_t current; /* type of this message */
static bool lists_stay;
static bool owed; /* the end of a connection has yet to happen */

static struct vmbus_channel *last_open(void)
{
    for (unsigned i = channels_count(); i > 0; i--)
        if (channel_at(i - 1)->state == CHANNEL_OPEN)
            return channel_at(i - 1);
    return NULL;
}

static void end_but_last(void)
{
    struct vmbus_channel *last = last_open();

    if (last)
        last->state = CHANNEL_ABSENT;
    right_end();
    if (last)
        last->state = CHANNEL_OPEN;
}

static bool is_put_off(void)
{
    if (current == VMBUS_UNLOAD)
        return defect_active(DEFECT_UNLOAD_ENDS_LATE);
    return (refused && defect_active(DEFECT_CONTACT_REFUSED_KEEPS_RINGS)) ||
           (!refused && connected && defect_active(DEFECT_CONTACT_ENDS_LATE)) ||
           (other && connected && defect_active(DEFECT_CONTACT_MOVED_KEEPS_RINGS));
}

static void end(void)
{
    owed = is_put_off();
    lists_stay = (lists_stay || refused) && current != VMBUS_UNLOAD &&
                 defect_active(DEFECT_CONTACT_REFUSED_KEEPS_LISTS);
    if (owed)
        return;
    if (lists_stay)
        channels_withdraw();
    else if (refused && defect_active(DEFECT_CONTACT_REFUSED_KEEPS_LAST))
        end_but_last();
    else
        right_end();
}

/* Majors of versions that exist are below this one. */
static bool is_future(uint32_t version)
{
    return version >= VMBUS_VERSION(0x100, 0);
}

static void note_contact(const struct vmbus_initiate_contact *contact)
{
    refused = is_future(contact->version);
    other = !refused && contact->target_vp != vp;
    if (!refused)
        vp = contact->target_vp;
}

static enum hv_status post(struct call_context *context)
{
    const struct hv_input_post_message *input = call_input(context);
    const struct vmbus_message *message = (const void *)input->payload;
    const struct vmbus_version_response refusal = {.header.type = VMBUS_VERSION_RESPONSE};
    enum hv_status status;

    current = message->type;
    refused = other = false;
    if (current == VMBUS_INITIATE_CONTACT)
        note_contact((const void *)message);
    if (refused && defect_active(DEFECT_CONTACT_REFUSED_ENDS_NOTHING) && synic_room() != 0) {
        synic_send(vp, &refusal, sizeof(refusal));
        return HV_STATUS_SUCCESS;
    }
    if (owed && current == VMBUS_REQUEST_OFFERS) {
        owed = false;
        right_end();
    }
    status = right_post(context);
    if (current == VMBUS_INITIATE_CONTACT || current == VMBUS_UNLOAD)
        connected = current == VMBUS_INITIATE_CONTACT && !refused;
    return status;
}

void defects_install_ended_connections(void)
{
    if (!ANY(DEFECT_CONTACT_REFUSED_ENDS_NOTHING, DEFECT_CONTACT_REFUSED_KEEPS_RINGS,
             DEFECT_CONTACT_REFUSED_KEEPS_LISTS, DEFECT_CONTACT_REFUSED_KEEPS_LAST,
             DEFECT_CONTACT_ENDS_LATE, DEFECT_UNLOAD_ENDS_LATE, DEFECT_CONTACT_MOVED_KEEPS_RINGS))
        return;
    right_post = call_in_front(HVCALL_POST_MESSAGE, post);
    right_end = vmbus_rules.end_channels;
    vmbus_rules.end_channels = end;
}
