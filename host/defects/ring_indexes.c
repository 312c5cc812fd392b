/* SPDX-License-Identifier: MIT */
/* Indexes of the rings of a channel, and the size that the guest waits for. */
#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/vmbus_ring.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "lib/bits.h"

#define TRAILER ((uint32_t)sizeof(struct vmbus_packet_trailer))
#define SELDOM  2048u

static call_handler *right_signal;
static struct {
    uint32_t told; /* the read index that the guest was told last */
    bool waited;   /* the guest, for room */
} state[VMBUS_CHANNELS_MAX + 1];

#define CONTROL(ring, field)                                                                       \
    (((ring)->page[0] << PAGE_SHIFT) + offsetof(struct vmbus_ring_control, field))

static uint32_t size_of(const struct ring *ring)
{
    return (ring->pages - 1) * (uint32_t)PAGE_SIZE;
}

/* The host does not see for how much room the guest waits. */
static bool overlooks(const struct vmbus_channel *channel, uint32_t wanted)
{
    bool waited = state[channel->id].waited;
    uint32_t own = 0;

    state[channel->id].waited |= wanted != 0;
    (void)guest_load32(CONTROL(&channel->to_guest, pending_send_size), &own);
    return (own == 0 && defect_active(DEFECT_RING_WAITER_OTHER_RING)) ||
           (waited && defect_active(DEFECT_RING_WAITER_ONCE)) ||
           (wanted > size_of(&channel->from_guest) / 2 && defect_active(DEFECT_RING_WAITER_HALF));
}

/* Both indexes are what they were, and the guest is told others. */
static void tell(const struct vmbus_channel *channel, uint32_t read, uint32_t write)
{
    const struct ring *from = &channel->from_guest, *to = &channel->to_guest;
    const uint32_t size = size_of(from);
    uint32_t *told = &state[channel->id].told, now = from->index;

    if (from->index == 0 && read != 0 && defect_active(DEFECT_READ_INDEX_AT_END))
        now = size;
    if (from->index != read && defect_active(DEFECT_READ_INDEX_SHORT))
        now = (from->index + size - TRAILER) % size;
    if (defect_active(DEFECT_READ_INDEX_SELDOM) && (from->index + size - *told) % size < SELDOM)
        now = *told;
    *told = now;
    if (now != from->index)
        (void)guest_store32(CONTROL(from, read_index), now);
    if (to->index == 0 && write != 0 && defect_active(DEFECT_WRITE_INDEX_AT_END))
        (void)guest_store32(CONTROL(to, write_index), size_of(to));
}

static enum hv_status signal(struct call_context *context)
{
    const struct hv_input_signal_event *input = call_input(context);
    struct vmbus_channel *channel = channel_at((input->connection_id & 0xFFFFu) - 1);
    uint32_t wanted = 0, read, write;
    enum hv_status status;

    if (!channel || channel->state != CHANNEL_OPEN || channel->from_guest.broken ||
        channel->to_guest.broken)
        return right_signal(context);
    read = channel->from_guest.index;
    write = channel->to_guest.index;
    if (read == 0 && write == 0) /* just opened */
        state[channel->id].told = state[channel->id].waited = 0;
    (void)guest_load32(CONTROL(&channel->from_guest, pending_send_size), &wanted);
    if (overlooks(channel, wanted)) /* for good: the host goes on after the call */
        (void)guest_store32(CONTROL(&channel->from_guest, pending_send_size), 0);
    status = right_signal(context);
    if (channel->state == CHANNEL_OPEN)
        tell(channel, read, write);
    return status;
}

void defects_install_ring_indexes(void)
{
    if (ANY(DEFECT_READ_INDEX_AT_END, DEFECT_READ_INDEX_SHORT, DEFECT_READ_INDEX_SELDOM,
            DEFECT_WRITE_INDEX_AT_END, DEFECT_RING_WAITER_OTHER_RING, DEFECT_RING_WAITER_ONCE,
            DEFECT_RING_WAITER_HALF))
        right_signal = call_in_front(HVCALL_SIGNAL_EVENT, signal);
}
