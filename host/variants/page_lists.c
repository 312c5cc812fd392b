/* SPDX-License-Identifier: MIT */
/*
 * Hosts that look at the pages of a list when a channel is opened in it (BUS-39). The list that is
 * kept has memory in the place of a page that is none; no channel opens in it.
 */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/base/memory.h"
#include "host/hypercalls/call.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/control_parse.h"
#include "host/vmbus/gpadl.h"
#include "lib/string.h"

#define SOME_PAGE UINT64_C(0x100) /* of memory, at 1 MiB */

static call_handler *usual_post;
static uint32_t flawed[GPADLS_MAX]; /* ids of lists; 0: none */

static uint32_t *entry_of(uint32_t id)
{
    for (unsigned i = 0; i < GPADLS_MAX; i++)
        if (flawed[i] == id)
            return &flawed[i];
    return NULL;
}

static void note(uint32_t id)
{
    uint32_t *entry = entry_of(id) ? entry_of(id) : entry_of(0);

    if (entry)
        *entry = id;
}

/* Of a message with `count` numbers of pages there. */
static void accept_pages(uint32_t id, uint8_t *numbers, const struct vmbus_gpadl_pages *pages)
{
    const uint64_t some = SOME_PAGE;

    for (uint32_t i = 0; i < pages->count; i++) {
        if (pages->page[i] < UINT64_MAX / PAGE_SIZE &&
            guest_is_ram(pages->page[i] * PAGE_SIZE, PAGE_SIZE))
            continue;
        memcpy(numbers + i * sizeof(some), &some, sizeof(some));
        note(id);
    }
}

static bool is_refused(const struct vmbus_open_channel *open)
{
    const struct vmbus_channel *channel = channel_at(open->channel_id - 1);

    return (open->gpadl != 0 && entry_of(open->gpadl)) || !gpadl_find(open->gpadl) || !channel ||
           channel->state != CHANNEL_OFFERED;
}

static enum hv_status post(struct call_context *context)
{
    struct hv_input_post_message *input = call_input(context);
    struct vmbus_request r;

    if (input->payload_size > sizeof(input->payload) ||
        !vmbus_control_parse(input->payload, input->payload_size, &r))
        return usual_post(context);
    if (r.type == VMBUS_GPADL_HEADER)
        accept_pages(r.gpadl_header.gpadl,
                     input->payload + offsetof(struct vmbus_gpadl_header, page), &r.pages);
    if (r.type == VMBUS_GPADL_BODY)
        accept_pages(r.gpadl_body.gpadl, input->payload + offsetof(struct vmbus_gpadl_body, page),
                     &r.pages);
    if (r.type == VMBUS_INITIATE_CONTACT || r.type == VMBUS_UNLOAD)
        memset(flawed, 0, sizeof(flawed));
    if (r.type == VMBUS_GPADL_TEARDOWN && r.teardown.gpadl != 0 && entry_of(r.teardown.gpadl))
        *entry_of(r.teardown.gpadl) = 0;
    if (r.type == VMBUS_OPEN_CHANNEL && is_refused(&r.open)) {
        if (variant_active(VARIANT_VMBUS_OPENINGS_UNANSWERED))
            return HV_STATUS_SUCCESS;
        r.open.gpadl = 0; /* the usual handler refuses it */
        memcpy(input->payload, &r.open, sizeof(r.open));
    }
    return usual_post(context);
}

void variants_install_page_lists(void)
{
    struct call *call = call_entry(HVCALL_POST_MESSAGE);

    if (!variant_active(VARIANT_VMBUS_LISTS_CHECKED_LATE) &&
        !variant_active(VARIANT_VMBUS_OPENINGS_UNANSWERED))
        return;
    usual_post = call->handler;
    call->handler = post;
}
