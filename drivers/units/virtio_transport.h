/* SPDX-License-Identifier: MIT */
/* The modern PCI transport of a virtio device (OASIS virtio 1.2, 4.1) with two split queues,
 * polled. */
#ifndef PVT_DRIVERS_UNITS_VIRTIO_TRANSPORT_H
#define PVT_DRIVERS_UNITS_VIRTIO_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/pci.h"

#define VIRTQ_SIZE 64u

struct virtq {
    struct virtq_descriptor *descriptors;
    volatile uint16_t *available; /* flags, index, ring */
    volatile uint8_t *used;       /* flags, index, ring of {id, length} */
    volatile uint16_t *notify;
    uint16_t number, sent, seen;
};

struct virtio_device {
    volatile uint8_t *common, *config, *notify;
    uint32_t notify_multiplier;
    uint64_t offered, accepted; /* features */
};

/* A descriptor's memory, by what the device may do with it. */
struct virtq_part {
    const void *memory;
    uint32_t length; /* bytes */
    bool writable;
};

/* Resets the device and takes those of `wanted` that it offers. NULL, or why that failed. */
const char *virtio_begin(struct virtio_device *v, const struct pci_function *f, uint64_t wanted);
/* Between begin and ready, once for each queue; q is zero the first time, and keeps its memory.
 * False: the device has no such queue, or a shorter one. */
bool virtio_queue(struct virtio_device *v, struct virtq *q, uint16_t number);
/* DRIVER_OK. False: the device asks for a reset. */
bool virtio_ready(struct virtio_device *v);
bool virtio_needs_reset(const struct virtio_device *v);
/* Puts up to VIRTQ_SIZE parts from descriptor `first` on as one chain and notifies the device. */
void virtq_give(struct virtq *q, uint16_t first, const struct virtq_part *parts, unsigned count);
/* Descriptor at which the next chain begins that the device is done with, or -1; *used: bytes that
 * the device says to have written. */
int virtq_take(struct virtq *q, uint32_t *used);

#endif
