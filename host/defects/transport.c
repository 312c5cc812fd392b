/* SPDX-License-Identifier: MIT */
/* Lists of pages in several messages or without memory, messages that wait, and rings that are full
 * or end within a packet. */
#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/vmbus_ring.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/gpadl.h"
#include "host/vmbus/synic.h"
#include "lib/bits.h"
#include "lib/string.h"

#define RANGE_BYTES 8u
#define SAVED       64u /* more than a reply of vPCI has after its start */

static call_handler *right_post, *right_signal, *right_call[CALL_COUNT];
static struct vmbus_gpadl_body first_body;
static unsigned refusals;
static uint32_t refused; /* the last list */

static void change_header(struct vmbus_gpadl_header *header)
{
    const uint32_t pages = VMBUS_GPADL_HEADER_PAGES + VMBUS_GPADL_BODY_PAGES;

    if (defect_active(DEFECT_LIST_CUT) && header->byte_count > pages * PAGE_SIZE) {
        header->range_bytes = (uint16_t)(RANGE_BYTES + pages * sizeof(uint64_t));
        header->byte_count = pages * (uint32_t)PAGE_SIZE;
    }
    if ((defect_active(DEFECT_LIST_REFUSED_KEPT) && header->gpadl == refused) ||
        (defect_active(DEFECT_LIST_REFUSED_FILLS) && refusals >= GPADLS_MAX))
        header->ranges = 0; /* as good as refused */
    first_body.gpadl = 0;
}

static void change_body(struct vmbus_gpadl_body *body)
{
    if (first_body.gpadl != body->gpadl)
        first_body = *body;
    else if (defect_active(DEFECT_LIST_BODY_REPEATED))
        memcpy(body->page, first_body.page, sizeof(body->page));
}

static enum hv_status post(struct call_context *context)
{
    struct hv_input_post_message *input = call_input(context);
    union {
        struct vmbus_message header;
        struct vmbus_gpadl_header list;
        struct vmbus_gpadl_body body;
    } *message = (void *)input->payload;
    enum hv_status status;

    if (message->header.type == VMBUS_GPADL_HEADER)
        change_header(&message->list);
    if (message->header.type == VMBUS_INITIATE_CONTACT)
        refusals = 0;
    if (message->header.type == VMBUS_GPADL_BODY)
        change_body(&message->body);
    status = right_post(context);
    if (message->header.type == VMBUS_GPADL_HEADER &&
        message->list.byte_count <= VMBUS_GPADL_HEADER_PAGES * PAGE_SIZE &&
        !gpadl_find(message->list.gpadl)) {
        refused = message->list.gpadl;
        refusals++;
    }
    return status;
}

/* A call leaves no flag in the slot of the first processor. */
static enum hv_status call(struct call_context *context)
{
    enum hv_status status = right_call[context->call - calls](context);
    uint32_t word, flag = (uint32_t)HV_MESSAGE_FLAG_PENDING << 8;
    uint64_t page = 0, at;

    (void)synic_msr_read(0, HV_MSR_SIMP, &page);
    at = (page & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(struct hv_message) +
         offsetof(struct hv_message, size);
    if ((page & HV_SYNIC_PAGE_ENABLE) != 0 && guest_load32(at, &word) && (word & flag) != 0)
        (void)guest_store32(at, word & ~flag);
    return status;
}

static uint32_t data_bytes(const struct ring *ring)
{
    return (ring->pages - 1) * (uint32_t)PAGE_SIZE;
}

/* How much of the payload of the packet that goes around the end lies at the start of the ring; the
 * host wrote packets from that index on. */
static uint32_t at_start(const struct ring *ring, uint32_t from)
{
    uint32_t head[2], length = 0;

    while (from < data_bytes(ring)) {
        (void)guest_read((ring->page[1 + from / PAGE_SIZE] << PAGE_SHIFT) + from % PAGE_SIZE, head,
                         sizeof(head));
        length = (head[1] & 0xFFFFu) * VMBUS_RING_ALIGNMENT;
        if (length == 0 || from + length > data_bytes(ring))
            break;
        from += length + (uint32_t)sizeof(struct vmbus_packet_trailer);
    }
    return from < data_bytes(ring) ? from + length - data_bytes(ring) : 0;
}

static enum hv_status signal(struct call_context *context)
{
    const struct hv_input_signal_event *input = call_input(context);
    struct vmbus_channel *channel = channel_at((input->connection_id & 0xFFFFu) - 1);
    struct ring *ring = channel ? &channel->to_guest : NULL;
    uint32_t from = ring ? ring->index : 0, length;
    uint8_t saved[SAVED];
    enum hv_status status;

    if (!channel || channel->state != CHANNEL_OPEN)
        return right_signal(context);
    (void)guest_read(ring->page[1] << PAGE_SHIFT, saved, sizeof(saved));
    status = right_signal(context);
    length = ring->index < from ? at_start(ring, from) : 0;
    if (defect_active(DEFECT_RING_END_LOST) && length <= SAVED)
        (void)guest_write(ring->page[1] << PAGE_SHIFT, saved, length);
    if (defect_active(DEFECT_RING_WAIT_UNSAID) &&
        !ring_has_room(ring, channel->service->reply_bytes, channel->service->reply_packets)) {
        (void)guest_store32((ring->page[0] << PAGE_SHIFT) +
                                offsetof(struct vmbus_ring_control, pending_send_size),
                            0);
        channel->waiting = false;
    }
    return status;
}

void defects_install_transport(void)
{
    if (ANY(DEFECT_LIST_CUT, DEFECT_LIST_BODY_REPEATED, DEFECT_LIST_REFUSED_KEPT,
            DEFECT_LIST_REFUSED_FILLS))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
    if (ANY(DEFECT_RING_WAIT_UNSAID, DEFECT_RING_END_LOST))
        right_signal = call_in_front(HVCALL_SIGNAL_EVENT, signal);
    if (defect_active(DEFECT_MESSAGE_FLAG_NEVER))
        calls_in_front(call, right_call);
}
