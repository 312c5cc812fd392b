/* SPDX-License-Identifier: MIT */
/*
 * One direction of a channel, in pages of the guest. The host keeps its own index to itself and
 * believes the guest's only after a check. A ring that breaks the rules once is broken until it is
 * opened again. Needs guest memory alone.
 */
#ifndef PVT_HOST_VMBUS_RING_H
#define PVT_HOST_VMBUS_RING_H

#include <stdbool.h>
#include <stdint.h>

/* Longer payloads are taken off the ring, and shown to be longer. */
#define RING_PAYLOAD_MAX 1024u

struct ring {
    const uint64_t *page; /* page numbers: control page, then data. RAM of the guest */
    unsigned pages;
    uint32_t index; /* the host's: where it reads, or where it writes */
    bool broken;
};

struct ring_packet {
    uint16_t type;
    bool completion_requested;
    bool cut; /* the payload was longer than RING_PAYLOAD_MAX; `size` bytes of it are here */
    uint64_t transaction;
    unsigned size; /* of the payload, a multiple of 8 */
    uint8_t payload[RING_PAYLOAD_MAX];
};

enum ring_take { RING_EMPTY, RING_TAKEN, RING_BROKEN };

/* Which end of it is the host's. */
enum ring_end { RING_READER, RING_WRITER };

/* Goes on where the guest's control page says. False when that is no place in the ring, or with
 * fewer than two pages. */
bool ring_open(struct ring *ring, enum ring_end end, const uint64_t *page, unsigned pages);

/* Copies the next packet out of the ring. */
enum ring_take ring_take(struct ring *ring, struct ring_packet *packet);
/* After packets were taken: the guest waits for room, and there is as much of it now. */
bool ring_writer_waits(const struct ring *ring);

/* Whether payloads with `bytes` in all, in `packets` packets, can be put now. If not, the guest is
 * asked for a signal when they can. False on a broken ring. */
bool ring_has_room(struct ring *ring, uint32_t bytes, uint32_t packets);
/* There is room. True: the guest wants a signal. */
bool ring_put(struct ring *ring, uint16_t type, uint64_t transaction, const void *payload,
              uint32_t size);

#endif
