/* SPDX-License-Identifier: MIT */
/*
 * The form of packets in the rings of a channel. The host of a defect reads the guest's packets in
 * another form: here they are changed in the ring before the right host reads them. Its own are
 * changed before the guest that has signaled goes on.
 */
#include <stddef.h>

#include "abi/hypercall.h"
#include "abi/vmbus_ring.h"
#include "abi/vpci.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "lib/bits.h"

#define WORD       8u
#define DESCRIPTOR ((uint32_t)sizeof(struct vmbus_packet))
#define TRAILER    ((uint32_t)sizeof(struct vmbus_packet_trailer))
#define LOW_OFFSET 0x1Fu

static call_handler *right_signal;

static uint32_t data_bytes(const struct ring *ring)
{
    return (ring->pages - 1) * (uint32_t)PAGE_SIZE;
}

static uint64_t gpa_at(const struct ring *ring, uint32_t index)
{
    index %= data_bytes(ring);
    return (ring->page[1 + index / PAGE_SIZE] << PAGE_SHIFT) + index % PAGE_SIZE;
}

static void copy_from(const struct ring *ring, uint32_t index, void *to, uint32_t length)
{
    for (uint32_t done = 0; done < length; done += WORD)
        (void)guest_read(gpa_at(ring, index + done), (uint8_t *)to + done, WORD);
}

static void copy_to(const struct ring *ring, uint32_t index, const void *from, uint32_t length)
{
    for (uint32_t done = 0; done < length; done += WORD)
        (void)guest_write(gpa_at(ring, index + done), (const uint8_t *)from + done, WORD);
}

static uint64_t control(const struct ring *ring, size_t field)
{
    return (ring->page[0] << PAGE_SHIFT) + field;
}

static bool completes_unasked(uint32_t type)
{
    return (type == VPCI_RESOURCES_RELEASED && defect_active(DEFECT_RELEASED_COMPLETED)) ||
           (type == VPCI_DELETE_INTERRUPT && defect_active(DEFECT_DELETE_COMPLETED)) ||
           (type == VPCI_POWER_STATE_CHANGE && defect_active(DEFECT_POWER_COMPLETED));
}

static void read_otherwise(const struct ring *ring, uint32_t index, struct vmbus_packet *packet)
{
    uint32_t message[2];

    if (packet->offset8 > DESCRIPTOR / WORD) {
        if (defect_active(DEFECT_PAYLOAD_OFFSET_IGNORED))
            packet->offset8 = DESCRIPTOR / WORD;
        if (defect_active(DEFECT_PAYLOAD_OFFSET_AFTER))
            packet->offset8 += DESCRIPTOR / WORD;
        if (defect_active(DEFECT_PAYLOAD_OFFSET_LOW) &&
            (packet->offset8 & LOW_OFFSET) >= DESCRIPTOR / WORD)
            packet->offset8 &= LOW_OFFSET;
    }
    if (defect_active(DEFECT_PACKET_TYPE_IGNORED))
        packet->type = VMBUS_PACKET_DATA;
    if (defect_active(DEFECT_COMPLETION_BY_ID) && packet->transaction != 0)
        packet->flags |= VMBUS_PACKET_FLAG_COMPLETION;
    if (defect_active(DEFECT_COMPLETION_ID_ZERO) && packet->transaction == 0)
        packet->flags &= (uint16_t)~VMBUS_PACKET_FLAG_COMPLETION;
    copy_from(ring, index + packet->offset8 * WORD, message, sizeof(message));
    if (completes_unasked(message[0]))
        packet->flags |= VMBUS_PACKET_FLAG_COMPLETION;
}

static void change_requests(const struct ring *ring)
{
    uint32_t index = ring->index, end = 0, size = data_bytes(ring), available;

    (void)guest_load32(control(ring, offsetof(struct vmbus_ring_control, write_index)), &end);
    available = end < size ? (end + size - index) % size : 0;
    while (available >= DESCRIPTOR) {
        struct vmbus_packet packet;
        uint32_t length;

        copy_from(ring, index, &packet, sizeof(packet));
        length = packet.length8 * WORD + TRAILER;
        if (length > available) {
            if (defect_active(DEFECT_PACKET_LENGTH_UNCHECKED))
                (void)guest_store32(control(ring, offsetof(struct vmbus_ring_control, write_index)),
                                    (index + length) % size);
            return;
        }
        read_otherwise(ring, index, &packet);
        copy_to(ring, index, &packet, sizeof(packet));
        index = (index + length) % size;
        available -= length;
    }
}

static uint32_t other_start(uint32_t first, uint32_t start, uint32_t length, uint32_t size)
{
    uint32_t end = start + length;

    if (defect_active(DEFECT_TRAILER_AT_END))
        return end % size;
    if (defect_active(DEFECT_TRAILER_OF_NEXT))
        return (end + TRAILER) % size;
    if (defect_active(DEFECT_TRAILER_OF_BATCH))
        return first;
    if (defect_active(DEFECT_TRAILER_EMPTY))
        return 0;
    return defect_active(DEFECT_TRAILER_WRAPPED) && end > size ? end - size : start;
}

static void change_packets(const struct ring *ring, uint32_t from)
{
    uint32_t size = data_bytes(ring);

    for (uint32_t start = from, length; start != ring->index;
         start = (start + length + TRAILER) % size) {
        struct vmbus_packet_trailer trailer = {0};
        struct vmbus_packet packet;

        copy_from(ring, start, &packet, sizeof(packet));
        length = packet.length8 * WORD;
        if (length < DESCRIPTOR)
            return;
        trailer.start = other_start(from, start, length, size);
        copy_to(ring, start + length, &trailer, sizeof(trailer));
        if (packet.type == VMBUS_PACKET_COMPLETION ? defect_active(DEFECT_COMPLETION_ASKS)
                                                   : defect_active(DEFECT_MESSAGE_ASKS))
            packet.flags |= VMBUS_PACKET_FLAG_COMPLETION;
        copy_to(ring, start, &packet, sizeof(packet));
    }
}

static enum hv_status signal(struct call_context *context)
{
    const struct hv_input_signal_event *input = call_input(context);
    struct vmbus_channel *channel = channel_at((input->connection_id & 0xFFFFu) - 1);
    bool open = channel && channel->state == CHANNEL_OPEN;
    uint32_t from = open ? channel->to_guest.index : 0;
    enum hv_status status;

    if (open && !channel->from_guest.broken)
        change_requests(&channel->from_guest);
    status = right_signal(context);
    if (open && channel->state == CHANNEL_OPEN)
        change_packets(&channel->to_guest, from);
    return status;
}

void defects_install_packets(void)
{
    if (ANY(DEFECT_RELEASED_COMPLETED, DEFECT_DELETE_COMPLETED, DEFECT_POWER_COMPLETED,
            DEFECT_COMPLETION_BY_ID, DEFECT_COMPLETION_ID_ZERO, DEFECT_PAYLOAD_OFFSET_IGNORED,
            DEFECT_PAYLOAD_OFFSET_AFTER, DEFECT_PAYLOAD_OFFSET_LOW, DEFECT_PACKET_TYPE_IGNORED,
            DEFECT_PACKET_LENGTH_UNCHECKED, DEFECT_TRAILER_AT_END, DEFECT_TRAILER_OF_NEXT,
            DEFECT_TRAILER_OF_BATCH, DEFECT_TRAILER_EMPTY, DEFECT_TRAILER_WRAPPED,
            DEFECT_COMPLETION_ASKS, DEFECT_MESSAGE_ASKS))
        right_signal = call_in_front(HVCALL_SIGNAL_EVENT, signal);
}
