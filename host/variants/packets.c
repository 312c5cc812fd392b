/* SPDX-License-Identifier: MIT */
/* Hosts that take the form of packets that guests send, and no other (BUS-43). */
#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/vmbus_ring.h"
#include "host/base/memory.h"
#include "host/hypercalls/call.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vmbus/channels.h"
#include "lib/bits.h"

static call_handler *usual_signal;

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
    return usual_signal(context);
}

void variants_install_packets(void)
{
    struct call *call = call_entry(HVCALL_SIGNAL_EVENT);

    if (!variant_active(VARIANT_VMBUS_PACKETS_STRICT))
        return;
    usual_signal = call->handler;
    call->handler = signal;
}
