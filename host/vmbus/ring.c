/* SPDX-License-Identifier: MIT */
#include "host/vmbus/ring.h"

#include <stddef.h>

#include "abi/vmbus_ring.h"
#include "host/base/memory.h"
#include "lib/bits.h"
#include "lib/string.h"

#define UNIT     VMBUS_RING_ALIGNMENT
#define OVERHEAD ((uint32_t)(sizeof(struct vmbus_packet) + sizeof(struct vmbus_packet_trailer)))

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

    while (length != 0) {
        uint64_t gpa;
        uint32_t part;

        at %= data_size(ring);
        gpa = (ring->page[1 + at / PAGE_SIZE] << PAGE_SHIFT) + at % PAGE_SIZE;
        part = PAGE_SIZE - at % PAGE_SIZE;
        if (part > length)
            part = length;
        if (!(write ? guest_write(gpa, bytes, part) : guest_read(gpa, bytes, part)))
            return false;
        bytes += part;
        at += part;
        length -= part;
    }
    return true;
}

static bool open_at(struct ring *ring, const uint64_t *page, unsigned pages, size_t field)
{
    *ring = (struct ring){.page = page, .pages = pages};
    return pages >= 2 && index_of_guest(ring, field, &ring->index);
}

bool ring_open_reader(struct ring *ring, const uint64_t *page, unsigned pages)
{
    return open_at(ring, page, pages, READ_INDEX);
}

bool ring_open_writer(struct ring *ring, const uint64_t *page, unsigned pages)
{
    return open_at(ring, page, pages, WRITE_INDEX);
}

/* The descriptor is one of a packet that the guest has completely written. */
static bool descriptor_valid(const struct vmbus_packet *descriptor, uint32_t available)
{
    uint32_t length = descriptor->length8 * UNIT, offset = descriptor->offset8 * UNIT;

    return offset >= sizeof(*descriptor) && offset <= length &&
           length + sizeof(struct vmbus_packet_trailer) <= available;
}

static enum ring_take broken(struct ring *ring)
{
    ring->broken = true;
    return RING_BROKEN;
}

enum ring_take ring_take(struct ring *ring, struct ring_packet *packet)
{
    struct vmbus_packet descriptor;
    uint32_t end, available, offset, length;

    if (!index_of_guest(ring, WRITE_INDEX, &end))
        return RING_BROKEN;
    available = distance(ring, ring->index, end);
    if (available == 0)
        return RING_EMPTY;
    if (available < OVERHEAD || !copy(ring, ring->index, &descriptor, sizeof(descriptor), false) ||
        !descriptor_valid(&descriptor, available))
        return broken(ring);
    offset = descriptor.offset8 * UNIT;
    length = descriptor.length8 * UNIT;
    packet->type = descriptor.type;
    packet->completion_requested = (descriptor.flags & VMBUS_PACKET_FLAG_COMPLETION) != 0;
    packet->transaction = descriptor.transaction;
    packet->cut = length - offset > RING_PAYLOAD_MAX;
    packet->size = packet->cut ? RING_PAYLOAD_MAX : length - offset;
    if (!copy(ring, ring->index + offset, packet->payload, packet->size, false))
        return broken(ring);
    ring->index =
        (ring->index + length + (uint32_t)sizeof(struct vmbus_packet_trailer)) % data_size(ring);
    guest_store32(control(ring, READ_INDEX), ring->index);
    return RING_TAKEN;
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
    uint32_t wanted = bytes + packets * (OVERHEAD + UNIT - 1), read;

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

bool ring_put(struct ring *ring, uint16_t type, uint64_t transaction, const void *payload,
              uint32_t size)
{
    uint32_t padded = (size + UNIT - 1) / UNIT * UNIT, mask = 0, at = ring->index;
    struct vmbus_packet descriptor = {
        .type = type,
        .offset8 = sizeof(descriptor) / UNIT,
        .length8 = (uint16_t)((sizeof(descriptor) + padded) / UNIT),
        .transaction = transaction,
    };
    struct vmbus_packet_trailer trailer = {.start = at};
    uint64_t zero = 0;
    bool done = copy(ring, at, &descriptor, sizeof(descriptor), true);

    at += (uint32_t)sizeof(descriptor);
    done = done && copy(ring, at, (void *)(uintptr_t)payload, size, true);
    done = done && copy(ring, at + size, &zero, padded - size, true);
    at += padded;
    done = done && copy(ring, at, &trailer, sizeof(trailer), true);
    if (!done) {
        ring->broken = true;
        return false;
    }
    ring->index = (at + (uint32_t)sizeof(trailer)) % data_size(ring);
    guest_store32(control(ring, PENDING_SEND), 0);
    guest_store32(control(ring, WRITE_INDEX), ring->index);
    return guest_load32(control(ring, INTERRUPT_MASK), &mask) && mask == 0;
}
