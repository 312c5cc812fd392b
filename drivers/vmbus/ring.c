/* SPDX-License-Identifier: MIT */
#include "drivers/vmbus/ring.h"

#include "lib/string.h"

#define CONTROL_SIZE 4096u
#define UNIT         VMBUS_RING_ALIGNMENT

static uint32_t padded(size_t size)
{
    return (uint32_t)((size + UNIT - 1) / UNIT * UNIT);
}

void vmbus_ring_init(struct vmbus_ring *ring, void *memory, uint32_t data_size)
{
    memset(memory, 0, CONTROL_SIZE);
    *ring = (struct vmbus_ring){
        .control = memory, .data = (uint8_t *)memory + CONTROL_SIZE, .size = data_size};
}

static bool index_valid(const struct vmbus_ring *ring, uint32_t index)
{
    return index < ring->size && index % UNIT == 0;
}

static uint32_t advance(const struct vmbus_ring *ring, uint32_t index, uint32_t bytes)
{
    return (uint32_t)(((uint64_t)index + bytes) % ring->size);
}

static uint32_t used(const struct vmbus_ring *ring, uint32_t write, uint32_t read)
{
    return write >= read ? write - read : ring->size - (read - write);
}

/* Both return the index after what was copied. */
static uint32_t copy_in(struct vmbus_ring *ring, uint32_t at, const void *from, uint32_t size)
{
    uint32_t first = size < ring->size - at ? size : ring->size - at;

    memcpy(ring->data + at, from, first);
    memcpy(ring->data, (const uint8_t *)from + first, size - first);
    return advance(ring, at, size);
}

static uint32_t copy_out(const struct vmbus_ring *ring, uint32_t at, void *to, uint32_t size)
{
    uint32_t first = size < ring->size - at ? size : ring->size - at;

    memcpy(to, ring->data + at, first);
    memcpy((uint8_t *)to + first, ring->data, size - first);
    return advance(ring, at, size);
}

bool vmbus_ring_put(struct vmbus_ring *ring, const struct vmbus_packet *head, const void *payload,
                    size_t size)
{
    static const uint8_t zeros[UNIT];
    const uint32_t length = (uint32_t)sizeof(*head) + padded(size);
    const uint32_t needed = length + (uint32_t)sizeof(struct vmbus_packet_trailer);
    const uint32_t write = ring->control->write_index, read = ring->control->read_index;
    struct vmbus_packet_trailer trailer = {.start = write};
    struct vmbus_packet packet = *head;
    uint32_t at = write;

    if (size > ring->size || !index_valid(ring, read) ||
        needed >= ring->size - used(ring, write, read))
        return false;
    packet.offset8 = (uint16_t)(sizeof(packet) / UNIT);
    packet.length8 = (uint16_t)(length / UNIT);
    at = copy_in(ring, at, &packet, sizeof(packet));
    at = copy_in(ring, at, payload, (uint32_t)size);
    at = copy_in(ring, at, zeros, padded(size) - (uint32_t)size);
    at = copy_in(ring, at, &trailer, sizeof(trailer));
    __atomic_store_n(&ring->control->write_index, at, __ATOMIC_SEQ_CST);
    return true;
}

static void look(struct vmbus_ring *ring, const struct vmbus_packet *head, uint32_t start,
                 uint32_t length)
{
    struct vmbus_ring_seen *seen = &ring->seen;
    struct vmbus_packet_trailer trailer;

    (void)copy_out(ring, advance(ring, start, length), &trailer, sizeof(trailer));
    seen->packets++;
    seen->wrapped += length > ring->size - start;
    seen->asking += (head->flags & VMBUS_PACKET_FLAG_COMPLETION) != 0;
    if (trailer.start != start && seen->odd++ == 0) {
        seen->start = start;
        seen->told = trailer.start;
    }
}

enum vmbus_ring_result vmbus_ring_take(struct vmbus_ring *ring, struct vmbus_packet *head,
                                       void *payload, size_t room, size_t *size)
{
    const uint32_t write = __atomic_load_n(&ring->control->write_index, __ATOMIC_ACQUIRE);
    const uint32_t read = ring->control->read_index;
    uint32_t available, offset, length, bytes;

    if (!index_valid(ring, write))
        return VMBUS_RING_BROKEN;
    if (write == read)
        return VMBUS_RING_EMPTY;
    available = used(ring, write, read);
    if (available < sizeof(*head) + sizeof(struct vmbus_packet_trailer))
        return VMBUS_RING_BROKEN;
    (void)copy_out(ring, read, head, sizeof(*head));
    offset = head->offset8 * UNIT;
    length = head->length8 * UNIT;
    if (offset < sizeof(*head) || offset > length ||
        length > available - (uint32_t)sizeof(struct vmbus_packet_trailer))
        return VMBUS_RING_BROKEN;
    *size = length - offset;
    bytes = *size < room ? (uint32_t)*size : (uint32_t)room;
    (void)copy_out(ring, advance(ring, read, offset), payload, bytes);
    look(ring, head, read, length);
    __atomic_store_n(&ring->control->read_index,
                     advance(ring, read, length + (uint32_t)sizeof(struct vmbus_packet_trailer)),
                     __ATOMIC_SEQ_CST);
    return VMBUS_RING_PACKET;
}
