/* SPDX-License-Identifier: MIT */
/* The two halves of the edu driver: dma_edu_device.c moves bytes, dma_edu.c gives them the engine
 * interface. */
#ifndef PVT_DRIVERS_DMA_EDU_H
#define PVT_DRIVERS_DMA_EDU_H

#include "drivers/dma_edu_registers.h"
#include "drivers/dma_engine.h"

#define EDU_IOVA_BITS                                                                              \
    28u /* default of the device's dma_mask property; no register tells of a wider one */

bool edu_present(struct dma_engine *e);
/* Waits until no transfer is under way; false after two seconds. */
bool edu_wait_idle(struct dma_engine *e);
/* Starts a transfer between memory at `iova` and the device's buffer at `offset`, and returns.
 * False when the device would not become idle or an address would not fit into e->iova_bits: such a
 * transfer would be folded onto foreign memory. */
bool edu_start_load(struct dma_engine *e, uint64_t iova, unsigned offset,
                    size_t length); /* memory to buffer */
bool edu_start_store(struct dma_engine *e, unsigned offset, uint64_t iova,
                     size_t length); /* buffer to memory */
/* The same, and wait for the end. */
bool edu_load(struct dma_engine *e, uint64_t iova, unsigned offset, size_t length);
bool edu_store(struct dma_engine *e, unsigned offset, uint64_t iova, size_t length);

#endif
