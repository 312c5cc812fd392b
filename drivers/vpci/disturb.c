/* SPDX-License-Identifier: MIT */
#include "drivers/vpci/disturb.h"

#include "drivers/vpci/bus.h"
#include "kernel/cpu.h"
#include "lib/string.h"

#define MESSAGES     0x20u
#define WORDS_MAX    48u /* of a request: the longest form of RESOURCES_ASSIGNED has 36 */
#define RIGHT_OFFSET (sizeof(struct vmbus_packet) / VMBUS_RING_ALIGNMENT)

static uint32_t below(struct random *random, uint32_t bound)
{
    return (uint32_t)random_below(random, bound);
}

/* An index that is right, at an end of the ring, or anything. */
static uint32_t some_index(struct random *random, const struct vmbus_ring *ring)
{
    switch (below(random, 4)) {
    case 0:
        return (uint32_t)random_u64(random);
    case 1:
        return ring->size - VMBUS_RING_ALIGNMENT * below(random, 3);
    default:
        return VMBUS_RING_ALIGNMENT * below(random, ring->size / VMBUS_RING_ALIGNMENT);
    }
}

static void change_control(struct random *random, const struct vmbus_ring *ring)
{
    volatile struct vmbus_ring_control *control = ring->control;
    uint32_t value = some_index(random, ring);

    switch (below(random, 5)) {
    case 0:
        control->write_index = value;
        break;
    case 1:
        control->read_index = value;
        break;
    case 2:
        control->interrupt_mask = value;
        break;
    case 3:
        control->pending_send_size = value;
        break;
    default:
        control->features = value;
        break;
    }
}

static void change_bytes(struct random *random, const struct vmbus_ring *ring)
{
    ring->data[below(random, ring->size)] = (uint8_t)random_u64(random);
}

/* Numbers that a field may have, addresses of any kind, and single bits. */
static uint32_t some_word(struct random *random)
{
    switch (below(random, 4)) {
    case 0:
        return (uint32_t)random_u64(random);
    case 1:
        return UINT32_C(1) << below(random, 32);
    default:
        return below(random, 4);
    }
}

static void store(const struct vmbus_ring *ring, uint32_t at, const void *from, uint32_t size)
{
    const uint32_t place = at % ring->size,
                   first = size < ring->size - place ? size : ring->size - place;

    memcpy(ring->data + place, from, first);
    memcpy(ring->data, (const uint8_t *)from + first, size - first);
}

/* At the place where the host reads next, as far as its index tells. */
static void put_request(struct random *random, struct vpci_bus *bus)
{
    const struct vmbus_ring *ring = &bus->channel.out;
    const uint32_t index = ring->control->read_index,
                   words = 2 * (1 + below(random, WORDS_MAX / 2)),
                   at = index < ring->size ? index & ~(VMBUS_RING_ALIGNMENT - 1) : 0;
    uint32_t request[WORDS_MAX];
    struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                .offset8 = RIGHT_OFFSET,
                                .length8 = (uint16_t)(RIGHT_OFFSET + words / 2),
                                .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                .transaction = random_u64(random)};
    const struct vmbus_packet_trailer trailer = {.start = at};
    const uint32_t payload = at + sizeof(head), end = payload + words * sizeof(request[0]);

    for (unsigned i = 0; i < words; i++)
        request[i] = some_word(random);
    request[0] = VPCI_MESSAGE(below(random, MESSAGES));
    if (below(random, 4) != 0)
        request[1] = bus->function[0].relation.slot;
    switch (below(random, 16)) {
    case 0:
        head.type = (uint16_t)random_u64(random);
        break;
    case 1:
        head.offset8 = (uint16_t)some_word(random);
        break;
    case 2:
        head.length8 = (uint16_t)some_word(random);
        break;
    case 3:
        head.flags = (uint16_t)some_word(random);
        break;
    default:
        break;
    }
    store(ring, at, &head, sizeof(head));
    store(ring, payload, request, words * sizeof(request[0]));
    store(ring, end, &trailer, sizeof(trailer));
    cpu_memory_barrier();
    ring->control->write_index = (end + (uint32_t)sizeof(trailer)) % ring->size;
}

void vpci_disturb_rings(const struct pci_function *f, struct random *random)
{
    struct vpci_bus *bus = f->vpci;
    const struct vmbus_ring *ring = below(random, 2) ? &bus->channel.out : &bus->channel.in;

    switch (below(random, 8)) {
    case 0:
        change_control(random, ring);
        break;
    case 1:
        change_bytes(random, ring);
        break;
    default:
        put_request(random, bus);
        break;
    }
    vmbus_channel_signal(&bus->channel);
}
