/* SPDX-License-Identifier: MIT */
/* The emulated DMA engine (abi/dmaprobe.h, docs/dmaprobe.md). All calls: with the lock of the
 * software IOMMU held. */
#ifndef PVT_HOST_VDEV_DMAPROBE_H
#define PVT_HOST_VDEV_DMAPROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/iommu/soft_backend.h"
#include "host/vdev/vdev.h"

struct dmaprobe;

/* Makes the function one; from the host's pool. */
struct dmaprobe *dmaprobe_new(struct vdev_function *function);
/* For soft_add_function(), with the engine as `function`. */
soft_switch_step dmaprobe_on_switch_step;

/* Parts of the BAR that are plain memory of the device. */
struct dmaprobe_memory {
    uint32_t offset, size; /* in the BAR; multiples of 4 KiB */
    uint8_t *bytes;
};
#define DMAPROBE_MEMORIES 3u
const struct dmaprobe_memory *dmaprobe_memory(const struct dmaprobe *probe, unsigned index);

/* `offset` in the BAR. */
uint64_t dmaprobe_register_read(struct dmaprobe *probe, unsigned offset, unsigned size);
void dmaprobe_register_write(struct dmaprobe *probe, unsigned offset, unsigned size,
                             uint64_t value);

#endif
