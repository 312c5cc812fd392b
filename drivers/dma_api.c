/* SPDX-License-Identifier: MIT */
#include "drivers/dma_api.h"

#include "abi/iommu_capabilities.h"
#include "drivers/dma_api_iova.h"
#include "kernel/memory.h"
#include "lib/bits.h"

static bool translates(const struct dma_api *api)
{
    return api->mode == DMA_API_STRICT || api->mode == DMA_API_DEFERRED;
}

static enum domain_kind kind_of(enum dma_api_mode mode)
{
    switch (mode) {
    case DMA_API_IDENTITY:
        return DOMAIN_IDENTITY;
    case DMA_API_BLOCKING:
        return DOMAIN_BLOCKED;
    default:
        return DOMAIN_PAGING;
    }
}

/* The table may be wider than what the host lets a device emit. */
static uint64_t iova_limit(const struct dma_api *api, uint64_t wanted)
{
    const struct hv_output_get_iommu_capabilities *c = pviommu_capabilities();
    uint64_t limit = stage1_iova_limit(&api->domain.table);

    if (c && c->max_iova_width < 64 && BIT(c->max_iova_width) < limit)
        limit = BIT(c->max_iova_width);
    return wanted < limit ? wanted : limit;
}

bool dma_api_start(struct dma_api *api, enum dma_api_mode mode, uint32_t domain_id, uint64_t first,
                   uint64_t limit, enum hv_status *status)
{
    api->mode = mode;
    api->queued = 0;
    api->flushes = 0;
    for (unsigned order = 0; order < DMA_API_CACHE_ORDERS; order++)
        api->cache[order].count = 0;
    if (!domain_create(&api->domain, kind_of(mode), domain_id, 0, 0, status))
        return false;
    if (translates(api))
        iova_init(&api->iovas, first, iova_limit(api, limit), api->ranges, DMA_API_RANGES);
    return true;
}

enum hv_status dma_api_attach(struct dma_api *api, uint64_t device_id)
{
    enum hv_status status = domain_attach(&api->domain, device_id);

    /* Both answers are allowed, and mean the same to a driver (reference 3.5). */
    return status == HV_STATUS_DEVICE_ALREADY_IN_DOMAIN ? HV_STATUS_SUCCESS : status;
}

/* An IOVA, if need be one that the queue still holds. */
static bool take_iova(struct dma_api *api, uint64_t length, uint64_t *iova)
{
    return dma_api_take_iova(api, length, iova) ||
           (api->queued > 0 && dma_api_flush_queue(api) == HV_STATUS_SUCCESS &&
            dma_api_take_iova(api, length, iova));
}

bool dma_api_map(struct dma_api *api, uint64_t gpa, uint64_t length, unsigned prot, uint64_t *iova)
{
    uint64_t size = align_up(length, PAGE_SIZE);

    if (size == 0 || !is_aligned(gpa, PAGE_SIZE) || api->mode == DMA_API_BLOCKING)
        return false;
    if (api->mode == DMA_API_IDENTITY) {
        *iova = gpa;
        return true;
    }
    if (!take_iova(api, size, iova))
        return false;
    if (domain_map(&api->domain, *iova, gpa, size, prot) != STAGE1_OK) {
        dma_api_give_iova(api, *iova, size); /* nothing was entered, so there is nothing to flush */
        return false;
    }
    return true;
}

static bool flush_now(struct dma_api *api, uint64_t iova, uint64_t size)
{
    struct flush_block block = flush_range_cover(iova, size);
    bool flushed = false;

    (void)domain_flush_blocks(&api->domain, &block, 1, &flushed);
    api->flushes++;
    return flushed;
}

/* The queue is emptied as soon as it is full, so there is always room for one more. */
static bool flush_later(struct dma_api *api, uint64_t iova, uint64_t size)
{
    api->queue[api->queued++] = (struct iova_range){.start = iova, .length = size};
    if (api->queued < DMA_API_QUEUE || dma_api_flush_queue(api) == HV_STATUS_SUCCESS)
        return true;
    api->queued--; /* given up for good: it stays taken */
    return false;
}

bool dma_api_unmap(struct dma_api *api, uint64_t iova, uint64_t length)
{
    uint64_t size = align_up(length, PAGE_SIZE);
    uint64_t unmapped = 0;
    enum stage1_status status;

    if (!translates(api))
        return api->mode == DMA_API_IDENTITY;
    /* Deferred: the next map may come before the flush, and must not replace a table that the IOMMU
     * may still use. */
    status = api->mode == DMA_API_DEFERRED
                 ? domain_unmap_keep(&api->domain, iova, size, &unmapped)
                 : domain_unmap_count(&api->domain, iova, size, &unmapped);
    if (status != STAGE1_OK || unmapped == 0)
        return false;
    if (unmapped !=
        size) { /* not what was mapped: the owner of the IOVAs is unknown, so none is given back */
        (void)domain_flush(&api->domain);
        api->flushes++;
        return false;
    }
    if (api->mode == DMA_API_DEFERRED)
        return flush_later(api, iova, size);
    if (!flush_now(api, iova, size))
        return false;
    dma_api_give_iova(api, iova, size);
    return true;
}

enum hv_status dma_api_flush_queue(struct dma_api *api)
{
    enum hv_status status;

    if (api->queued == 0)
        return HV_STATUS_SUCCESS;
    status = domain_flush(&api->domain);
    api->flushes++;
    if (status == HV_STATUS_SUCCESS) {
        while (api->queued > 0) {
            const struct iova_range *range = &api->queue[--api->queued];

            dma_api_give_iova(api, range->start, range->length);
        }
    }
    return status;
}

enum hv_status dma_api_stop(struct dma_api *api)
{
    enum hv_status flushed = dma_api_flush_queue(api);
    enum hv_status deleted = domain_delete(&api->domain);

    return flushed == HV_STATUS_SUCCESS ? deleted : flushed;
}
