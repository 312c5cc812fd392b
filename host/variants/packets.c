/* SPDX-License-Identifier: MIT */
/* Hosts that take the form of packets that guests send, and no other (BUS-43), or take packets only
 * while the ring to the guest is empty (BUS-24). */
#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/vmbus_ring.h"
#include "host/base/memory.h"
#include "host/hypercalls/call.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vmbus/channels.h"
#include "host/vpci/bus.h"
#include "lib/bits.h"

static call_handler *signal_any, *signal_full; /* the usual ones */

/* The next packet of the guest is a request in the form that guests send; or there is none. */
static bool is_usual(const struct ring *ring)
{
    const uint64_t gpa =
        (ring->page[1 + ring->index / PAGE_SIZE] << PAGE_SHIFT) + ring->index % PAGE_SIZE;
    uint16_t head[4] = {0}; /* the first word of struct vmbus_packet */
    uint32_t end;

    return !guest_load32((ring->page[0] << PAGE_SHIFT) +
                             offsetof(struct vmbus_ring_control, write_index),
                         &end) ||
           end == ring->index || !guest_read(gpa, head, sizeof(head)) ||
           (head[0] == VMBUS_PACKET_DATA && head[1] * 8u == sizeof(struct vmbus_packet));
}

static enum hv_status signal(struct call_context *context)
{
    const struct hv_input_signal_event *input = call_input(context);
    struct vmbus_channel *channel = channel_at((input->connection_id & 0xFFFFu) - 1);

    if (channel && channel->state == CHANNEL_OPEN && !is_usual(&channel->from_guest))
        channel->from_guest.broken = true;
    return signal_any(context);
}

/* As OpenVMM, which wants room for the longest message there is, and gets it where the whole ring
 * is free. */
static enum hv_status signal_while_empty(struct call_context *context)
{
    const struct hv_input_signal_event *input = call_input(context);
    struct vmbus_channel *channel = channel_at(input->connection_id - CHANNEL_CONNECTIONS - 1);
    const uint32_t packets = vpci_service.reply_packets,
                   most = packets * (sizeof(struct vmbus_packet) +
                                     sizeof(struct vmbus_packet_trailer) + VMBUS_RING_ALIGNMENT);
    enum hv_status status;

    if (!channel || channel->state != CHANNEL_OPEN)
        return signal_full(context);
    vpci_service.reply_bytes = (channel->to_guest.pages - 1) * PAGE_SIZE - most;
    status = signal_full(context);
    if (channel->waiting && !ring_has_room(&channel->to_guest, vpci_service.reply_bytes, packets))
        channel->waiting = false; /* until the next signal */
    return status;
}

static call_handler *in_front(call_handler *handler)
{
    struct call *call = call_entry(HVCALL_SIGNAL_EVENT);
    call_handler *usual = call->handler;

    call->handler = handler;
    return usual;
}

void variants_install_packets(void)
{
    if (variant_active(VARIANT_VMBUS_PACKETS_STRICT))
        signal_any = in_front(signal);
    if (variant_active(VARIANT_VMBUS_EMPTY_RING))
        signal_full = in_front(signal_while_empty);
}
