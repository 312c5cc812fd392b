/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_VMBUS_RING_H
#define PVT_ABI_VMBUS_RING_H

#include <stdint.h>

#include "assert.h"

/*
 * One direction of a channel: a control page, then data pages. Indexes count bytes of data and are
 * multiples of 8. The ring is empty when they are equal, so that a packet never fills it
 * completely.
 */
struct vmbus_ring_control {
    uint32_t write_index;       /* changed by the producer */
    uint32_t read_index;        /* changed by the consumer */
    uint32_t interrupt_mask;    /* not 0: the consumer wants no signals */
    uint32_t pending_send_size; /* free bytes that the producer waits for; 0: none */
    uint32_t reserved[12];
    uint32_t features;
};
ABI_SIZE(struct vmbus_ring_control, 68);
ABI_OFFSET(struct vmbus_ring_control, write_index, 0);
ABI_OFFSET(struct vmbus_ring_control, read_index, 4);
ABI_OFFSET(struct vmbus_ring_control, interrupt_mask, 8);
ABI_OFFSET(struct vmbus_ring_control, pending_send_size, 12);
ABI_OFFSET(struct vmbus_ring_control, reserved, 16);
ABI_OFFSET(struct vmbus_ring_control, features, 64);

#define VMBUS_RING_FEATURE_PENDING_SEND_SIZE (UINT32_C(1) << 0)

#define VMBUS_RING_ALIGNMENT 8u

/* A packet: this, the payload padded to 8 bytes, and the trailer, which its length does not count.
 */
struct vmbus_packet {
    uint16_t type;    /* VMBUS_PACKET_* */
    uint16_t offset8; /* of the payload, in units of 8 bytes */
    uint16_t length8; /* of descriptor and payload, in units of 8 bytes */
    uint16_t flags;   /* VMBUS_PACKET_FLAG_* */
    uint64_t transaction;
};
ABI_SIZE(struct vmbus_packet, 16);
ABI_OFFSET(struct vmbus_packet, type, 0);
ABI_OFFSET(struct vmbus_packet, offset8, 2);
ABI_OFFSET(struct vmbus_packet, length8, 4);
ABI_OFFSET(struct vmbus_packet, flags, 6);
ABI_OFFSET(struct vmbus_packet, transaction, 8);

#define VMBUS_PACKET_DATA       6u
#define VMBUS_PACKET_COMPLETION 11u

#define VMBUS_PACKET_FLAG_COMPLETION 0x0001u /* requested */

struct vmbus_packet_trailer {
    uint32_t reserved;
    uint32_t start; /* index at which the packet starts */
};
ABI_SIZE(struct vmbus_packet_trailer, 8);
ABI_OFFSET(struct vmbus_packet_trailer, reserved, 0);
ABI_OFFSET(struct vmbus_packet_trailer, start, 4);

#endif
