/* SPDX-License-Identifier: MIT */
/* One line per class of DMA engine; the order is that of enum dma_class. */
#ifndef PVT_DRIVERS_DMA_CLASSES_H
#define PVT_DRIVERS_DMA_CLASSES_H

#include "drivers/dma_engine.h"

extern const struct dma_engine_ops dma_rocker_ops;
extern const struct dma_engine_ops dma_edu_ops;
extern const struct dma_engine_ops dma_dmaprobe_ops;
extern const struct dma_engine_ops dma_dmaprobe_ats_ops;
extern const struct dma_engine_ops dma_nvme_ops;
extern const struct dma_engine_ops dma_ioat_ops;

/* Common part of every probe: decoding and bus mastering on, registers of memory BAR 0 mapped.
 * `needed` in bytes. */
bool dma_map_registers(struct dma_engine *e, uint64_t needed);

#endif
