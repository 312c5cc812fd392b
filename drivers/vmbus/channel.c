/* SPDX-License-Identifier: MIT */
/* Channels: pages given to the host, rings in them, and signals (reference 3.3 and 4). */
#include "abi/hypercall.h"
#include "abi/synic.h"
#include "drivers/hypercall.h"
#include "drivers/vmbus/messages.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "lib/string.h"

#define DIRECTION_PAGES (1u + VMBUS_CHANNEL_DATA_PAGES)
#define PAGES           (2u * DIRECTION_PAGES)
_Static_assert(PAGES <= VMBUS_GPADL_HEADER_PAGES, "one message describes all pages");

/* Not the first number that another guest would take: a mix-up with the firmware's time shows. */
#define GPADL_FIRST 0x50560001u

static bool is_gpadl(const union vmbus_control *message, uint32_t gpadl)
{
    return message->created.id == gpadl;
}

static bool is_torn_down(const union vmbus_control *message, uint32_t gpadl)
{
    return message->torndown.gpadl == gpadl;
}

static bool is_opened(const union vmbus_control *message, uint32_t channel)
{
    return message->opened.channel_id == channel;
}

static bool create_gpadl(struct vmbus_channel *channel, uint32_t wanted)
{
    static uint32_t next = GPADL_FIRST;
    struct vmbus_gpadl_header header = {.header.type = VMBUS_GPADL_HEADER,
                                        .channel_id = channel->offer->channel_id,
                                        .gpadl = wanted != 0 ? wanted : next++,
                                        .range_bytes =
                                            (uint16_t)(sizeof(uint64_t) + PAGES * sizeof(uint64_t)),
                                        .ranges = 1,
                                        .byte_count = PAGES * (uint32_t)PAGE_SIZE};
    union vmbus_control reply;

    for (unsigned i = 0; i < PAGES; i++)
        header.page[i] = gpa_of(channel->memory) / PAGE_SIZE + i;
    if (!vmbus_post(&header,
                    offsetof(struct vmbus_gpadl_header, page) + PAGES * sizeof(header.page[0])) ||
        !vmbus_wait(VMBUS_GPADL_CREATED, is_gpadl, header.gpadl, &reply, VMBUS_REPLY_US))
        return false;
    channel->status = reply.created.status;
    channel->gpadl = channel->status == NT_STATUS_SUCCESS ? header.gpadl : 0;
    return channel->gpadl != 0;
}

static void remove_gpadl(struct vmbus_channel *channel)
{
    struct vmbus_gpadl_teardown teardown = {.header.type = VMBUS_GPADL_TEARDOWN,
                                            .channel_id = channel->offer->channel_id,
                                            .gpadl = channel->gpadl};
    union vmbus_control reply;

    if (channel->gpadl != 0 && vmbus_post(&teardown, sizeof(teardown))) {
        (void)vmbus_wait(VMBUS_GPADL_TORNDOWN, is_torn_down, channel->gpadl, &reply,
                         VMBUS_REPLY_US);
    }
    channel->gpadl = 0;
}

static bool open_rings(struct vmbus_channel *channel, uint32_t target_vp)
{
    const uint32_t id = channel->offer->channel_id;
    struct vmbus_open_channel open = {.header.type = VMBUS_OPEN_CHANNEL,
                                      .channel_id = id,
                                      .open_id = id,
                                      .gpadl = channel->gpadl,
                                      .target_vp = target_vp,
                                      .downstream_page = DIRECTION_PAGES};
    union vmbus_control reply;

    if (!vmbus_post(&open, sizeof(open)) ||
        !vmbus_wait(VMBUS_OPEN_CHANNEL_RESULT, is_opened, id, &reply, VMBUS_REPLY_US))
        return false;
    channel->status = reply.opened.status;
    return channel->status == NT_STATUS_SUCCESS;
}

bool vmbus_channel_open(struct vmbus_channel *channel, struct vmbus_offer *offer)
{
    const struct vmbus_opening opening = {.interrupts = false};

    return vmbus_channel_open_with(channel, offer, &opening);
}

bool vmbus_channel_open_with(struct vmbus_channel *channel, struct vmbus_offer *offer,
                             const struct vmbus_opening *opening)
{
    const uint32_t data = VMBUS_CHANNEL_DATA_PAGES * (uint32_t)PAGE_SIZE;
    uint8_t *memory;

    if (!channel->memory)
        channel->memory = memory_boot_pages(PAGES);
    memory = channel->memory;
    channel->offer = offer;
    channel->status = NT_STATUS_SUCCESS;
    vmbus_ring_init(&channel->out, memory, data);
    vmbus_ring_init(&channel->in, memory + DIRECTION_PAGES * PAGE_SIZE, data);
    /* An interrupt would tell nothing to a client that polls. */
    channel->in.control->interrupt_mask = opening->interrupts ? 0 : 1;
    channel->out.control->features = opening->interrupts ? VMBUS_RING_FEATURE_PENDING_SEND_SIZE : 0;
    if (create_gpadl(channel, opening->gpadl)) {
        channel->open = open_rings(channel, opening->target_vp ? *opening->target_vp : vmbus.vp);
        if (!channel->open)
            remove_gpadl(channel);
    }
    return channel->open;
}

void vmbus_channel_close(struct vmbus_channel *channel)
{
    struct vmbus_channel_message message = {.header.type = VMBUS_CLOSE_CHANNEL,
                                            .channel_id = channel->offer->channel_id};

    if (channel->open) {
        channel->open = false;
        (void)vmbus_post(&message, sizeof(message));
        remove_gpadl(channel);
    }
    if (channel->offer->rescinded) {
        message.header.type = VMBUS_REL_ID_RELEASED;
        (void)vmbus_post(&message, sizeof(message));
    }
}

void vmbus_channel_forget(struct vmbus_channel *channel)
{
    channel->open = false;
    channel->gpadl = 0;
}

void vmbus_channel_signal(const struct vmbus_channel *channel)
{
    struct hv_input_signal_event signal = {.connection_id = channel->offer->connection_id};

    (void)hypercall_fast(HVCALL_SIGNAL_EVENT, &signal, sizeof(signal), NULL);
}

uint64_t vmbus_channel_send(struct vmbus_channel *channel, const void *payload, size_t size,
                            bool completion)
{
    struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                .flags = completion ? VMBUS_PACKET_FLAG_COMPLETION : 0,
                                .transaction = completion ? ++channel->transaction : 0};

    if (!channel->open || !vmbus_ring_put(&channel->out, &head, payload, size))
        return 0;
    vmbus_channel_signal(channel);
    return completion ? head.transaction : 1;
}

void vmbus_channel_made_room(const struct vmbus_channel *channel,
                             const volatile struct vmbus_ring_control *control)
{
    if (__atomic_load_n(&control->pending_send_size, __ATOMIC_SEQ_CST) != 0)
        vmbus_channel_signal(channel);
}

enum vmbus_ring_result vmbus_channel_take(struct vmbus_channel *channel, struct vmbus_packet *head,
                                          void *payload, size_t room, size_t *size)
{
    enum vmbus_ring_result result = VMBUS_RING_EMPTY;

    if (channel->open)
        result = vmbus_ring_take(&channel->in, head, payload, room, size);
    if (result == VMBUS_RING_PACKET)
        vmbus_channel_made_room(channel, channel->in.control);
    return result;
}
