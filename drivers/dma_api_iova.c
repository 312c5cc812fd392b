/* SPDX-License-Identifier: MIT */
#include "drivers/dma_api_iova.h"

#include "kernel/memory.h"
#include "lib/bits.h"

#define NOT_CACHED DMA_API_CACHE_ORDERS

/* A cached IOVA stays taken in the allocator, so no other request can get it. */
static unsigned cache_order(uint64_t length)
{
    uint64_t pages = length / PAGE_SIZE;

    if (!is_power_of_two(pages) || log2_floor(pages) >= DMA_API_CACHE_ORDERS)
        return NOT_CACHED;
    return log2_floor(pages);
}

static void empty_caches(struct dma_api *api)
{
    for (unsigned order = 0; order < DMA_API_CACHE_ORDERS; order++) {
        struct dma_api_cache *cache = &api->cache[order];

        while (cache->count > 0)
            (void)iova_free(&api->iovas, cache->iova[--cache->count]);
    }
}

bool dma_api_take_iova(struct dma_api *api, uint64_t length, uint64_t *iova)
{
    unsigned order = cache_order(length);

    if (order != NOT_CACHED && api->cache[order].count > 0) {
        *iova = api->cache[order].iova[--api->cache[order].count];
        return true;
    }
    if (iova_alloc(&api->iovas, length, iova))
        return true;
    empty_caches(api); /* they may hold what this request needs */
    return iova_alloc(&api->iovas, length, iova);
}

void dma_api_give_iova(struct dma_api *api, uint64_t iova, uint64_t length)
{
    unsigned order = cache_order(length);

    if (order != NOT_CACHED && api->cache[order].count < DMA_API_CACHE_DEPTH)
        api->cache[order].iova[api->cache[order].count++] = iova;
    else
        (void)iova_free(&api->iovas, iova);
}
