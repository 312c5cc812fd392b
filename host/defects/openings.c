/* SPDX-License-Identifier: MIT */
/* Messages of the control protocol that have to be refused, and answers that say otherwise than
 * what was done. */
#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/gpadl.h"
#include "host/vmbus/synic.h"
#include "lib/bits.h"

#define MAJOR(version) ((version) >> 16)
#define VERSION_BYTES  0x00FF00FFu
#define PLACE_BITS     BITS(15, 0)

static call_handler *right_post;
static uint32_t whole, undone; /* lists of pages: one that is complete, and the last that is not */
static bool refused[VMBUS_CHANNELS_MAX + 1]; /* by the id of the channel */
static bool version_refused;

static bool version_known(uint32_t version)
{
    static const uint32_t known[] = {VMBUS_VERSION_3_0, VMBUS_VERSION_4_0, VMBUS_VERSION_4_1,
                                     VMBUS_VERSION_5_0, VMBUS_VERSION_5_1, VMBUS_VERSION_5_2,
                                     VMBUS_VERSION_5_3};

    for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i] == version)
            return true;
    return false;
}

static void change_contact(struct vmbus_initiate_contact *contact)
{
    const bool known = version_known(contact->version);

    whole = undone = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(refused); i++)
        refused[i] = false;
    if (version_refused && defect_active(DEFECT_CONTACT_REFUSED_STAYS))
        contact->version = 0;
    version_refused |= !known;
    if (!known && defect_active(DEFECT_CONTACT_VERSION_ANY))
        contact->version = VMBUS_VERSION_4_0;
    if (!known && MAJOR(contact->version) == MAJOR(VMBUS_VERSION_4_0) &&
        defect_active(DEFECT_CONTACT_MINOR_ANY))
        contact->version = VMBUS_VERSION_4_0;
    if (defect_active(DEFECT_CONTACT_VERSION_BYTES))
        contact->version &= VERSION_BYTES;
}

static void change_list(struct vmbus_open_channel *open)
{
    const bool is_undone = open->gpadl == undone;

    if (gpadl_find(open->gpadl))
        return;
    if (defect_active(is_undone ? DEFECT_OPEN_UNDONE_LIST : DEFECT_OPEN_UNKNOWN_LIST))
        open->gpadl = whole;
}

static void change_place(struct vmbus_open_channel *open)
{
    const struct gpadl *list = gpadl_find(open->gpadl);

    if (defect_active(DEFECT_OPEN_PLACE_CUT))
        open->downstream_page &= (uint32_t)PLACE_BITS;
    if (list && open->downstream_page >= list->total && defect_active(DEFECT_OPEN_PLACE_HALF))
        open->downstream_page = list->total / 2;
}

static void change_open(struct vmbus_open_channel *open, struct vmbus_channel *channel)
{
    change_list(open);
    change_place(open);
    if (defect_active(DEFECT_OPEN_REFUSED_STAYS) && channel && refused[channel->id])
        open->gpadl = 0;
    if (defect_active(DEFECT_OPEN_AGAIN_TAKEN) && channel && channel->state == CHANNEL_OPEN)
        channel->state = CHANNEL_OFFERED;
}

/* The answer to MODIFYCHANNEL that is in the slot of the first processor. */
static void fail_modify(void)
{
    uint64_t page = 0, payload;
    uint32_t answer;

    (void)synic_msr_read(0, HV_MSR_SIMP, &page);
    payload = (page & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(struct hv_message) +
              offsetof(struct hv_message, payload);
    if (guest_load32(payload, &answer) && answer == VMBUS_MODIFY_CHANNEL_RESPONSE)
        (void)guest_store32(payload + offsetof(struct vmbus_modify_channel_response, status),
                            NT_STATUS_UNSUCCESSFUL);
}

static enum hv_status post(struct call_context *context)
{
    struct hv_input_post_message *input = call_input(context);
    union {
        struct vmbus_message header;
        struct vmbus_initiate_contact contact;
        struct vmbus_gpadl_header list;
        struct vmbus_open_channel open;
        struct vmbus_modify_channel modify;
    } *message = (void *)input->payload;
    const uint32_t type = message->header.type;
    struct vmbus_channel *channel = channel_at(message->open.channel_id - 1);
    const bool stays = channel && channel->vp == message->modify.target_vp,
               was_open = channel && channel->state == CHANNEL_OPEN;
    enum hv_status status;

    if (type == VMBUS_INITIATE_CONTACT)
        change_contact(&message->contact);
    if (type == VMBUS_GPADL_HEADER) {
        const size_t most = (1 + VMBUS_GPADL_HEADER_PAGES) * sizeof(uint64_t);

        if (message->list.range_bytes > most)
            undone = message->list.gpadl;
        else if (!gpadl_find(whole))
            whole = message->list.gpadl;
    }
    if (type == VMBUS_OPEN_CHANNEL)
        change_open(&message->open, channel);
    status = right_post(context);
    if (type == VMBUS_OPEN_CHANNEL && channel && channel->state != CHANNEL_OPEN) {
        refused[channel->id] = true;
        if (was_open)
            channel->state = CHANNEL_OPEN;
    }
    if (type == VMBUS_MODIFY_CHANNEL &&
        (defect_active(DEFECT_MODIFY_ANSWERS_FAILURE) ||
         (stays && defect_active(DEFECT_MODIFY_ALIKE_ANSWERS_FAILURE))))
        fail_modify();
    return status;
}

void defects_install_openings(void)
{
    if (ANY(DEFECT_CONTACT_REFUSED_STAYS, DEFECT_CONTACT_VERSION_ANY, DEFECT_CONTACT_MINOR_ANY,
            DEFECT_CONTACT_VERSION_BYTES, DEFECT_OPEN_UNDONE_LIST, DEFECT_OPEN_UNKNOWN_LIST,
            DEFECT_OPEN_PLACE_CUT, DEFECT_OPEN_PLACE_HALF, DEFECT_OPEN_REFUSED_STAYS,
            DEFECT_OPEN_AGAIN_TAKEN, DEFECT_MODIFY_ANSWERS_FAILURE,
            DEFECT_MODIFY_ALIKE_ANSWERS_FAILURE))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
}
