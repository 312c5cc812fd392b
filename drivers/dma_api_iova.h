/* SPDX-License-Identifier: MIT */
/* IOVAs of the DMA API: a cache of recently freed ones in front of the allocator. */
#ifndef PVT_DRIVERS_DMA_API_IOVA_H
#define PVT_DRIVERS_DMA_API_IOVA_H

#include "drivers/dma_api.h"

/* `length` bytes, a multiple of 4 KiB, from [first, limit) of dma_api_start(), never in the MSI
 * window. False when there is no room, also after all that is cached was given up. */
bool dma_api_take_iova(struct dma_api *api, uint64_t length, uint64_t *iova);
/* Only for ranges that no device can reach any more: unmapped and flushed, or never mapped. */
void dma_api_give_iova(struct dma_api *api, uint64_t iova, uint64_t length);

#endif
