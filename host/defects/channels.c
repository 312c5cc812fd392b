/* SPDX-License-Identifier: MIT */
/* Messages of VMBus, lists of pages, and packets on rings: what a call of the guest changes besides
 * the right thing, or instead of it. */
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

#define LISTS_MAX 64u

static call_handler *right_post, *right_signal;

/* The last lists of pages, as they were described first. `gone`: the guest has taken them back. */
static struct list {
    struct vmbus_gpadl_header header;
    unsigned told; /* pages */
    bool gone, torn_down;
} lists[LISTS_MAX];
static unsigned next;
static uint32_t first_open_id;

static struct vmbus_channel *channel_named(uint32_t id)
{
    for (unsigned i = 0; i < channels_count(); i++)
        if (channel_at(i)->id == id)
            return channel_at(i);
    return NULL;
}

static struct list *list_of(uint32_t gpadl)
{
    for (unsigned i = 0; i < LISTS_MAX; i++)
        if (lists[i].header.gpadl == gpadl)
            return &lists[i];
    return NULL;
}

static bool is_complete(const struct list *list)
{
    return list->header.range_bytes <= (1 + VMBUS_GPADL_HEADER_PAGES) * sizeof(uint64_t);
}

static bool is_kept(const struct list *list)
{
    if (!list->gone)
        return false;
    return list->torn_down     ? defect_active(DEFECT_LIST_KEPT_AFTER_TEARDOWN)
           : is_complete(list) ? defect_active(DEFECT_LIST_KEPT_AFTER_END)
                               : defect_active(DEFECT_LIST_KEPT_UNDONE);
}

static void describe(struct vmbus_gpadl_header *header)
{
    struct list *known = list_of(header->gpadl);

    if (!known)
        lists[next++ % LISTS_MAX] =
            (struct list){.header = *header, .told = VMBUS_GPADL_HEADER_PAGES};
    else if (is_kept(known))
        header->ranges = 0; /* as good as refused */
    else if (known->gone && defect_active(DEFECT_LIST_PAGES_KEPT) &&
             known->header.range_bytes == header->range_bytes)
        memcpy(header->page, known->header.page, sizeof(header->page));
    else
        *known = (struct list){.header = *header, .told = VMBUS_GPADL_HEADER_PAGES};
}

static unsigned pages_of(const struct list *list)
{
    return list->header.range_bytes / (unsigned)sizeof(uint64_t) - 1;
}

/* Further pages go to the first or the last of the lists that lack some. */
static void choose_list(struct vmbus_gpadl_body *body)
{
    struct list *chosen = NULL;

    for (unsigned i = 0; i < LISTS_MAX; i++) {
        struct list *list = &lists[i];

        if (list->header.gpadl == 0 || list->gone || list->told >= pages_of(list))
            continue;
        if (!chosen || defect_active(DEFECT_LIST_BODY_TO_LAST))
            chosen = list;
    }
    if (!chosen)
        return;
    body->gpadl = chosen->header.gpadl;
    chosen->told += VMBUS_GPADL_BODY_PAGES;
}

static void take_back(uint32_t gpadl, bool torn_down)
{
    for (unsigned i = 0; i < LISTS_MAX; i++) {
        if (torn_down && lists[i].header.gpadl != gpadl)
            continue;
        lists[i].torn_down = torn_down;
        lists[i].gone = true;
    }
}

static void change_open_id(struct vmbus_open_channel *open)
{
    if (first_open_id == 0)
        first_open_id = open->open_id;
    if (defect_active(DEFECT_OPEN_ECHOES_CHANNEL))
        open->open_id = open->channel_id;
    if (defect_active(DEFECT_OPEN_ECHOES_FIRST))
        open->open_id = first_open_id;
}

static void before_post(struct hv_input_post_message *input)
{
    union {
        struct vmbus_message header;
        struct vmbus_open_channel open;
        struct vmbus_gpadl_header pages;
        struct vmbus_gpadl_body body;
        struct vmbus_gpadl_teardown teardown;
    } *message = (void *)input->payload;

    switch (message->header.type) {
    case VMBUS_GPADL_HEADER:
        describe(&message->pages);
        break;
    case VMBUS_GPADL_BODY:
        if (ANY(DEFECT_LIST_BODY_TO_FIRST, DEFECT_LIST_BODY_TO_LAST))
            choose_list(&message->body);
        break;
    case VMBUS_GPADL_TEARDOWN:
        take_back(message->teardown.gpadl, true);
        break;
    case VMBUS_OPEN_CHANNEL:
        change_open_id(&message->open);
        break;
    case VMBUS_UNLOAD:
    case VMBUS_INITIATE_CONTACT:
        take_back(0, false);
        break;
    default:
        break;
    }
}

/* By the id of the channel: one more than the processor of its former life. */
static uint32_t former_vp[VMBUS_CHANNELS_MAX + 1];

static void keep_processor(struct vmbus_channel *channel, uint32_t type)
{
    uint32_t *former = &former_vp[channel->id];

    if (type == VMBUS_OPEN_CHANNEL && *former != 0)
        channel->vp = *former - 1;
    if ((type == VMBUS_OPEN_CHANNEL && defect_active(DEFECT_REOPENED_KEEPS_PROCESSOR)) ||
        (type == VMBUS_MODIFY_CHANNEL && defect_active(DEFECT_REOPENED_KEEPS_MODIFIED)))
        *former = channel->vp + 1;
}

static void after_post(const struct hv_input_post_message *input, uint32_t vp_before)
{
    const union {
        struct vmbus_message header;
        struct vmbus_modify_channel modify;
        struct vmbus_open_channel open;
    } *message = (const void *)input->payload;
    struct vmbus_channel *channel = channel_named(message->modify.channel_id);

    if (channel && message->header.type == VMBUS_MODIFY_CHANNEL &&
        defect_active(DEFECT_CHANNEL_MODIFY_IGNORED))
        channel->vp = vp_before;
    if (channel && message->header.type == VMBUS_OPEN_CHANNEL &&
        defect_active(DEFECT_CHANNEL_FIRST_PROCESSOR))
        channel->vp = 0;
    if (channel)
        keep_processor(channel, message->header.type);
    for (unsigned i = 0; i < channels_count(); i++) {
        if (message->header.type == VMBUS_MODIFY_CHANNEL &&
            defect_active(DEFECT_CHANNEL_MODIFY_ALL))
            channel_at(i)->vp = message->modify.target_vp;
        if (message->header.type == VMBUS_CLOSE_CHANNEL && defect_active(DEFECT_CHANNEL_CLOSE_ALL))
            channel_close(channel_at(i));
    }
    if (message->header.type == VMBUS_GPADL_TEARDOWN && defect_active(DEFECT_LIST_TEARDOWN_ALL))
        gpadl_drop_all();
}

/* Of the first processor. */
static uint64_t slot(void)
{
    uint64_t page = 0;

    (void)synic_msr_read(0, HV_MSR_SIMP, &page);
    return (page & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(struct hv_message);
}

static bool slot_is_busy(void)
{
    uint32_t type = HV_MESSAGE_FREE;

    return guest_load32(slot(), &type) && type != HV_MESSAGE_FREE;
}

static void clear_pending(void)
{
    uint32_t word, flag = (uint32_t)HV_MESSAGE_FLAG_PENDING << 8;

    if (guest_load32(slot() + offsetof(struct hv_message, size), &word))
        (void)guest_store32(slot() + offsetof(struct hv_message, size), word & ~flag);
}

/* The answer in the slot names the first channel; it has the channel after its header. */
static void answer_for_first(enum vmbus_message_type type)
{
    const uint64_t payload = slot() + offsetof(struct hv_message, payload);
    uint32_t answer;

    if (guest_load32(payload, &answer) && answer == (uint32_t)type)
        (void)guest_store32(payload + offsetof(struct vmbus_result, channel_id), channel_at(0)->id);
}

static enum hv_status post(struct call_context *context)
{
    struct hv_input_post_message *input = call_input(context);
    const struct vmbus_channel_message *named = (const void *)input->payload;
    struct vmbus_channel *channel = channel_named(named->channel_id), before;
    uint32_t vp = channel ? channel->vp : 0;
    bool busy = slot_is_busy();
    enum hv_status status;

    if (channel)
        before = *channel;
    before_post(input);
    if (busy && defect_active(DEFECT_MESSAGE_OVERWRITTEN))
        (void)guest_store32(slot(), HV_MESSAGE_FREE);
    status = right_post(context);
    after_post(input, vp);
    if (channel && named->header.type == VMBUS_GPADL_TEARDOWN &&
        defect_active(DEFECT_TEARDOWN_LEAVES_CHANNEL))
        *channel = before;
    if (defect_active(DEFECT_LIST_ANSWER_OF_FIRST))
        answer_for_first(VMBUS_GPADL_CREATED);
    if (defect_active(DEFECT_MODIFY_ANSWER_OF_FIRST))
        answer_for_first(VMBUS_MODIFY_CHANNEL_RESPONSE);
    if (busy && defect_active(DEFECT_MESSAGE_DROPPED))
        synic_drop_messages();
    if (busy && defect_active(DEFECT_MESSAGE_WAIT_UNSAID))
        clear_pending();
    return status;
}

#define CONTROL(ring, field)                                                                       \
    (((ring)->page[0] << PAGE_SHIFT) + offsetof(struct vmbus_ring_control, field))

/* The GPA of the byte at that index of the ring; packets and their fields are multiples of 8. */
static uint64_t place(const struct ring *ring, uint32_t index)
{
    uint32_t at = index % ((ring->pages - 1) * PAGE_SIZE);

    return (ring->page[1 + at / PAGE_SIZE] << PAGE_SHIFT) + at % PAGE_SIZE;
}

/* Every packet that waits in the ring of the guest. */
static void change_packets(const struct ring *ring)
{
    uint32_t at = ring->index, end = at, head[4];

    (void)guest_load32(CONTROL(ring, write_index), &end);
    for (unsigned i = 0; i < PAGE_SIZE && at != end; i++) {
        (void)guest_read(place(ring, at), &head[0], sizeof(uint64_t));
        (void)guest_read(place(ring, at + 8), &head[2], sizeof(uint64_t));
        if (defect_active(DEFECT_COMPLETION_UNASKED))
            head[1] |= (uint32_t)VMBUS_PACKET_FLAG_COMPLETION << 16;
        if (defect_active(DEFECT_TRANSACTION_HALF))
            head[3] = 0;
        (void)guest_write(place(ring, at), &head[0], sizeof(uint64_t));
        (void)guest_write(place(ring, at + 8), &head[2], sizeof(uint64_t));
        at = (at + (head[1] & 0xFFFFu) * 8 + 8) % ((ring->pages - 1) * (uint32_t)PAGE_SIZE);
    }
}

static void drop_packets(struct ring *ring)
{
    uint32_t end;

    if (guest_load32(CONTROL(ring, write_index), &end)) {
        ring->index = end;
        (void)guest_store32(CONTROL(ring, read_index), end);
    }
}

/* Channels 2n and 2n + 1 change places. */
static void swap_flags(const struct vmbus_channel *channel)
{
    uint32_t word, own = UINT32_C(1) << channel->id % 32;
    uint64_t page = 0, gpa;

    (void)synic_msr_read(channel->vp, HV_MSR_SIEFP, &page);
    gpa = (page & HV_SYNIC_PAGE_GPFN) + VMBUS_SINT * sizeof(struct hv_event_flags) +
          channel->id / 32 * sizeof(uint32_t);
    if (guest_load32(gpa, &word) && (word & own) != 0)
        (void)guest_store32(gpa, (word & ~own) | UINT32_C(1) << (channel->id ^ 1) % 32);
}

static enum hv_status signal(struct call_context *context)
{
    const struct hv_input_signal_event *input = call_input(context);
    struct vmbus_channel *channel = channel_named(input->connection_id & 0xFFFFu);
    enum hv_status status;

    if (!channel || channel->state != CHANNEL_OPEN)
        return right_signal(context);
    if (ANY(DEFECT_COMPLETION_UNASKED, DEFECT_TRANSACTION_HALF))
        change_packets(&channel->from_guest);
    if (defect_active(DEFECT_RING_WAITER_FORGOTTEN))
        (void)guest_store32(CONTROL(&channel->from_guest, pending_send_size), 0);
    status = right_signal(context);
    if (defect_active(DEFECT_RING_FULL_DROPS) && !ring_has_room(&channel->to_guest, PAGE_SIZE, 1))
        drop_packets(&channel->from_guest);
    if (defect_active(DEFECT_CHANNEL_FLAG_NEIGHBOR))
        swap_flags(channel);
    return status;
}

void defects_install_channels(void)
{
    if (ANY(DEFECT_CHANNEL_MODIFY_IGNORED, DEFECT_CHANNEL_FIRST_PROCESSOR,
            DEFECT_MESSAGE_OVERWRITTEN, DEFECT_MESSAGE_DROPPED, DEFECT_MESSAGE_WAIT_UNSAID,
            DEFECT_LIST_KEPT_AFTER_END, DEFECT_LIST_KEPT_AFTER_TEARDOWN, DEFECT_LIST_KEPT_UNDONE,
            DEFECT_LIST_PAGES_KEPT, DEFECT_CHANNEL_MODIFY_ALL, DEFECT_CHANNEL_CLOSE_ALL,
            DEFECT_LIST_TEARDOWN_ALL, DEFECT_OPEN_ECHOES_CHANNEL, DEFECT_OPEN_ECHOES_FIRST,
            DEFECT_LIST_ANSWER_OF_FIRST, DEFECT_MODIFY_ANSWER_OF_FIRST, DEFECT_LIST_BODY_TO_FIRST,
            DEFECT_LIST_BODY_TO_LAST, DEFECT_TEARDOWN_LEAVES_CHANNEL,
            DEFECT_REOPENED_KEEPS_PROCESSOR, DEFECT_REOPENED_KEEPS_MODIFIED))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
    if (ANY(DEFECT_COMPLETION_UNASKED, DEFECT_TRANSACTION_HALF, DEFECT_RING_WAITER_FORGOTTEN,
            DEFECT_RING_FULL_DROPS, DEFECT_CHANNEL_FLAG_NEIGHBOR))
        right_signal = call_in_front(HVCALL_SIGNAL_EVENT, signal);
}
