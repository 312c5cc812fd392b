/* SPDX-License-Identifier: MIT */
/* Values at an edge: transaction ids that hosts use for themselves, halves of a BAR that are zero,
 * and pages of a list that are no memory. */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "abi/vpci.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vdev/config_space.h"
#include "host/vmbus/channels.h"
#include "host/vpci/bus.h"
#include "lib/bits.h"

#define NUMBER_BITS BITS(51, 0) /* of a page, as an address has them */
#define MEMORY_PAGE 1u          /* is the guest's on every machine */

static call_handler *right_post;
static void (*right_received)(void *owner, const struct ring_packet *packet);
static struct ring_packet packet_copy;
static uint64_t last_id[VMBUS_CHANNELS_MAX + 1]; /* by the id of the channel */

static void change_flag(struct ring_packet *packet, uint64_t *last)
{
    const uint64_t id = packet->transaction;

    if ((id == 0 && defect_active(DEFECT_TRANSACTION_ZERO_UNANSWERED)) ||
        (id == UINT64_MAX && defect_active(DEFECT_TRANSACTION_ONES_UNANSWERED)) ||
        (id == *last && defect_active(DEFECT_TRANSACTION_AGAIN_UNANSWERED)))
        packet->completion_requested = false;
    *last = id;
}

/* The upper half of BAR 0, before a request is carried out and after it. */
static void keep_upper(struct vpci_function *f, uint32_t upper, bool placed)
{
    const uint32_t now = f->ops->read(f, CONFIG_BAR0 + 4, 4);

    if ((now == 0 && defect_active(DEFECT_BAR_UPPER_STALE)) ||
        (placed && defect_active(DEFECT_BAR_UPPER_FIRST)))
        f->ops->write(f, CONFIG_BAR0 + 4, 4, upper);
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct vpci_bus *bus = owner;
    const struct vpci_slot_message *named = (const void *)packet_copy.payload;
    struct vpci_function *f;
    uint32_t upper = 0;
    bool placed = false;

    packet_copy = *packet;
    f = vpci_bus_function(bus, named->slot);
    if (named->type != VPCI_QUERY_PROTOCOL_VERSION)
        change_flag(&packet_copy, &last_id[vmbus_channel_id(bus->channel)]);
    if ((named->type != VPCI_RESOURCES_ASSIGNED && named->type != VPCI_RESOURCES_ASSIGNED_2) ||
        (f && !vpci_bar_is_wide(f->bar_mask[0])))
        f = NULL;
    if (f) {
        upper = f->ops->read(f, CONFIG_BAR0 + 4, 4);
        placed = upper != 0 || (f->ops->read(f, CONFIG_BAR0, 4) & ~0xFu) != 0;
    }
    right_received(owner, &packet_copy);
    if (f)
        keep_upper(f, upper, placed);
}

static unsigned total; /* pages of the list that was begun last */

/* A page that the host does not look at is as good as any. */
static uint64_t page_seen(uint64_t number, unsigned place, bool in_body)
{
    const bool unseen = (place + 1 != total && defect_active(DEFECT_LIST_LAST_PAGE_JUDGED)) ||
                        (place != 0 && defect_active(DEFECT_LIST_FIRST_PAGE_JUDGED)) ||
                        (in_body && defect_active(DEFECT_LIST_BODY_UNJUDGED));

    if (defect_active(DEFECT_LIST_PAGE_NUMBER_CUT))
        number &= NUMBER_BITS;
    if (unseen && (number > NUMBER_BITS || !guest_is_ram(number << PAGE_SHIFT, PAGE_SIZE)))
        number = MEMORY_PAGE;
    return number;
}

static enum hv_status post(struct call_context *context)
{
    static unsigned told;
    struct hv_input_post_message *input = call_input(context);
    union {
        struct vmbus_message header;
        struct vmbus_gpadl_header list;
        struct vmbus_gpadl_body body;
    } *message = (void *)input->payload;

    if (message->header.type == VMBUS_GPADL_HEADER) {
        total = message->list.range_bytes / (unsigned)sizeof(uint64_t) - 1;
        told = VMBUS_GPADL_HEADER_PAGES;
        for (unsigned i = 0; i < VMBUS_GPADL_HEADER_PAGES; i++)
            message->list.page[i] = page_seen(message->list.page[i], i, false);
    }
    if (message->header.type == VMBUS_GPADL_BODY) {
        for (unsigned i = 0; i < VMBUS_GPADL_BODY_PAGES; i++)
            message->body.page[i] = page_seen(message->body.page[i], told + i, true);
        told += VMBUS_GPADL_BODY_PAGES;
    }
    return right_post(context);
}

void defects_install_bus_edges(void)
{
    if (ANY(DEFECT_TRANSACTION_ZERO_UNANSWERED, DEFECT_TRANSACTION_ONES_UNANSWERED,
            DEFECT_TRANSACTION_AGAIN_UNANSWERED, DEFECT_BAR_UPPER_STALE, DEFECT_BAR_UPPER_FIRST)) {
        right_received = vpci_service.received;
        vpci_service.received = received;
    }
    if (ANY(DEFECT_LIST_LAST_PAGE_JUDGED, DEFECT_LIST_FIRST_PAGE_JUDGED, DEFECT_LIST_BODY_UNJUDGED,
            DEFECT_LIST_PAGE_NUMBER_CUT))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
}
