/* SPDX-License-Identifier: MIT */
/*
 * One direction of a VMBus channel (abi/vmbus_ring.h), without knowledge of the machine: the memory
 * is handed in, and nothing here waits. The other side may change the shared memory at any time, so
 * that every index and length is read once, checked, and used from a copy.
 */
#ifndef PVT_DRIVERS_VMBUS_RING_H
#define PVT_DRIVERS_VMBUS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/vmbus_ring.h"

/* Packets that were taken, by their form. */
struct vmbus_ring_seen {
    unsigned packets, wrapped; /* in all, and those that went around the end */
    unsigned odd, asking;      /* with another start in the trailer; that ask for a completion */
    uint32_t start, told; /* of the first odd one: where it starts, and what its trailer says */
};

struct vmbus_ring {
    volatile struct vmbus_ring_control *control;
    uint8_t *data;
    uint32_t size; /* bytes of data, a multiple of 4 KiB */
    struct vmbus_ring_seen seen;
};

/* `memory` is the control page with the data pages after it, page aligned; the control page is
 * cleared. */
void vmbus_ring_init(struct vmbus_ring *ring, void *memory, uint32_t data_size);

/* Adds a packet. False when there is no room for it, or when the consumer's index makes no sense.
 */
bool vmbus_ring_put(struct vmbus_ring *ring, const struct vmbus_packet *head, const void *payload,
                    size_t size);

enum vmbus_ring_result {
    VMBUS_RING_PACKET, /* one was taken out */
    VMBUS_RING_EMPTY,
    VMBUS_RING_BROKEN, /* the producer's index or the packet's lengths make no sense; nothing was
                          taken out */
};

/* Takes the oldest packet. Up to `room` bytes of its payload are copied; *size is how many it has,
 * padding included. */
enum vmbus_ring_result vmbus_ring_take(struct vmbus_ring *ring, struct vmbus_packet *head,
                                       void *payload, size_t room, size_t *size);

#endif
