/* SPDX-License-Identifier: MIT */
/*
 * DMA API on top of the pvIOMMU driver: what a device driver of an operating system sees. Four
 * modes: strict    an IOVA is unmapped and flushed before dma_api_unmap() returns; deferred
 * unmapped IOVAs queue up (256) and one flush releases them all; an IOVA is never reused before
 * that flush; identity  IOVA == GPA, no hypercall at all; blocking  every mapping is refused.
 */
#ifndef PVT_DRIVERS_DMA_API_H
#define PVT_DRIVERS_DMA_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/pviommu.h"
#include "lib/iova.h"

enum dma_api_mode { DMA_API_STRICT, DMA_API_DEFERRED, DMA_API_IDENTITY, DMA_API_BLOCKING };

#define DMA_API_QUEUE  256
#define DMA_API_RANGES 1024

/*
 * IOVAs that are free again are kept for the next request of the same size: the allocator searches
 * all ranges in use, which would cost more than everything else in a map.
 */
#define DMA_API_CACHE_ORDERS 6 /* 4 KiB to 128 KiB, powers of two */
#define DMA_API_CACHE_DEPTH  DMA_API_QUEUE

struct dma_api_cache {
    uint64_t iova[DMA_API_CACHE_DEPTH];
    size_t count;
};

struct dma_api {
    enum dma_api_mode mode;
    struct domain domain;
    struct iova_allocator iovas;
    struct iova_range ranges[DMA_API_RANGES];
    struct dma_api_cache cache[DMA_API_CACHE_ORDERS];
    struct iova_range queue[DMA_API_QUEUE]; /* unmapped but not flushed */
    size_t queued;
    uint64_t flushes; /* flush hypercalls since start */
};

/* Creates the mode's domain with the given id; IOVAs come from [first, limit), cut to what the
 * host's IOVA width and the table allow (ignored by identity and blocking). */
bool dma_api_start(struct dma_api *api, enum dma_api_mode mode, uint32_t domain_id, uint64_t first,
                   uint64_t limit, enum hv_status *status);
/* SUCCESS also when the device is there already. */
enum hv_status dma_api_attach(struct dma_api *api, uint64_t device_id);
/* length in bytes, gpa 4 KiB aligned; false when refused or full. */
bool dma_api_map(struct dma_api *api, uint64_t gpa, uint64_t length, unsigned prot, uint64_t *iova);
/* iova and length as mapped. False when nothing or something smaller is mapped there, or when the
 * host refused every flush: the IOVA is then never handed out again. */
bool dma_api_unmap(struct dma_api *api, uint64_t iova, uint64_t length);
/* Deferred mode: flush now and make the queued IOVAs free. */
enum hv_status dma_api_flush_queue(struct dma_api *api);
/* Flushes what is queued and deletes the domain; no device may be attached. */
enum hv_status dma_api_stop(struct dma_api *api);

#endif
