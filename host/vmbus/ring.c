/* SPDX-License-Identifier: MIT */
#include "host/vmbus/ring.h"

#include <stddef.h>

#include "abi/vmbus_ring.h"
#include "host/base/memory.h"
#include "lib/bits.h"

#define UNIT       VMBUS_RING_ALIGNMENT
#define DESCRIPTOR ((uint32_t)sizeof(struct vmbus_packet))
#define TRAILER    ((uint32_t)sizeof(struct vmbus_packet_trailer))

static uint32_t data_size(const struct ring *ring)
{
    return (ring->pages - 1) * PAGE_SIZE;
}

static uint64_t control(const struct ring *ring, size_t field)
{
    return (ring->page[0] << PAGE_SHIFT) + field;
}

#define WRITE_INDEX    offsetof(struct vmbus_ring_control, write_index)
#define READ_INDEX     offsetof(struct vmbus_ring_control, read_index)
#define INTERRUPT_MASK offsetof(struct vmbus_ring_control, interrupt_mask)
#define PENDING_SEND   offsetof(struct vmbus_ring_control, pending_send_size)

/* An index of the guest. False, and the ring is broken, when there is no such place. */
static bool index_of_guest(struct ring *ring, size_t field, uint32_t *index)
{
    if (!ring->broken && guest_load32(control(ring, field), index) && *index < data_size(ring) &&
        *index % UNIT == 0)
        return true;
    ring->broken = true;
    return false;
}

static uint32_t distance(const struct ring *ring, uint32_t from, uint32_t to)
{
    return (to + data_size(ring) - from) % data_size(ring);
}

/* `length` bytes from index `at` on, which may go around the end of the ring. */
static bool copy(const struct ring *ring, uint32_t at, void *buffer, uint32_t length, bool write)
{
    uint8_t *bytes = buffer;

    for (uint32_t part; length != 0; at += part, bytes += part, length -= part) {
        uint64_t gpa;

        at %= data_size(ring);
        gpa = (ring->page[1 + at / PAGE_SIZE] << PAGE_SHIFT) + at % PAGE_SIZE;
        part = PAGE_SIZE - at % PAGE_SIZE;
        if (part > length)
            part = length;
        if (!(write ? guest_write(gpa, bytes, part) : guest_read(gpa, bytes, part)))
            return false;
    }
    return true;
}

bool ring_open(struct ring *ring, enum ring_end end, const uint64_t *page, unsigned pages)
{
    *ring = (struct ring){.page = page, .pages = pages};
    return pages >= 2 &&
           index_of_guest(ring, end == RING_READER ? READ_INDEX : WRITE_INDEX, &ring->index);
}

/* Takes the packet at the index. False when it is none that fits into what the guest has written,
 * `available` bytes. */
static bool take(struct ring *ring, uint32_t available, struct ring_packet *packet)
{
    struct vmbus_packet descriptor;
    uint32_t offset, length;

    if (!copy(ring, ring->index, &descriptor, DESCRIPTOR, false))
        return false;
    offset = descriptor.offset8 * UNIT;
    length = descriptor.length8 * UNIT;
    if (offset < DESCRIPTOR || offset > length || length + TRAILER > available)
        return false;
    packet->type = descriptor.type;
    packet->completion_requested = (descriptor.flags & VMBUS_PACKET_FLAG_COMPLETION) != 0;
    packet->transaction = descriptor.transaction;
    packet->cut = length - offset > RING_PAYLOAD_MAX;
    packet->size = packet->cut ? RING_PAYLOAD_MAX : length - offset;
    if (!copy(ring, ring->index + offset, packet->payload, packet->size, false))
        return false;
    ring->index = (ring->index + length + TRAILER) % data_size(ring);
    guest_store32(control(ring, READ_INDEX), ring->index);
    return true;
}

enum ring_take ring_take(struct ring *ring, struct ring_packet *packet)
{
    uint32_t end;

    if (!index_of_guest(ring, WRITE_INDEX, &end))
        return RING_BROKEN;
    if (end == ring->index)
        return RING_EMPTY;
    ring->broken = !take(ring, distance(ring, ring->index, end), packet);
    return ring->broken ? RING_BROKEN : RING_TAKEN;
}

static uint32_t room(const struct ring *ring, uint32_t read, uint32_t write)
{
    return data_size(ring) - distance(ring, read, write);
}

bool ring_writer_waits(const struct ring *ring)
{
    struct ring guest = *ring;
    uint32_t wanted, write;

    return index_of_guest(&guest, WRITE_INDEX, &write) &&
           guest_load32(control(ring, PENDING_SEND), &wanted) && wanted != 0 &&
           room(ring, ring->index, write) > wanted;
}

bool ring_has_room(struct ring *ring, uint32_t bytes, uint32_t packets)
{
    uint32_t wanted = bytes + packets * (DESCRIPTOR + TRAILER + UNIT - 1), read;

    if (!index_of_guest(ring, READ_INDEX, &read))
        return false;
    if (room(ring, read, ring->index) > wanted)
        return true;
    guest_store32(control(ring, PENDING_SEND), wanted);
    /* The guest may have made room before it could see that it is waited for. */
    if (!index_of_guest(ring, READ_INDEX, &read) || room(ring, read, ring->index) <= wanted)
        return false;
    guest_store32(control(ring, PENDING_SEND), 0);
    return true;
}

/* The next bytes of a packet, of which the guest hears only after the last. */
static void append(struct ring *ring, const void *bytes, uint32_t length)
{
    if (!copy(ring, ring->index, (void *)(uintptr_t)bytes, length, true))
        ring->broken = true;
    ring->index = (ring->index + length) % data_size(ring);
}

bool ring_put(struct ring *ring, uint16_t type, uint64_t transaction, const void *payload,
              uint32_t size)
{
    static const uint8_t zeros[UNIT];
    uint32_t padding = -size % UNIT, mask = 0;
    struct vmbus_packet descriptor = {
        .type = type,
        .offset8 = DESCRIPTOR / UNIT,
        .length8 = (uint16_t)((DESCRIPTOR + size + padding) / UNIT),
        .transaction = transaction,
    };
    struct vmbus_packet_trailer trailer = {.start = ring->index};

    append(ring, &descriptor, DESCRIPTOR);
    append(ring, payload, size);
    append(ring, zeros, padding);
    append(ring, &trailer, TRAILER);
    if (ring->broken)
        return false;
    guest_store32(control(ring, PENDING_SEND), 0);
    guest_store32(control(ring, WRITE_INDEX), ring->index);
    return guest_load32(control(ring, INTERRUPT_MASK), &mask) && mask == 0;
}
