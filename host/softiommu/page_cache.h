/* SPDX-License-Identifier: MIT */
/* Cached leaves: one cache per page size. The IOTLB is one of these, and the TLB of each device is one. */
#ifndef PVT_HOST_SOFTIOMMU_PAGE_CACHE_H
#define PVT_HOST_SOFTIOMMU_PAGE_CACHE_H

#include "host/softiommu/cache.h"
#include "host/softiommu/format.h"

#define LEAF_WRITE       0x01u /* write permission of all levels */
#define LEAF_DIRTY       0x02u /* D is set, or nobody cares: writes need no walk */
#define LEAF_NOT_PRESENT 0x04u /* under an omission only */

struct leaf {
    uint64_t gpa; /* of the page */
    unsigned level;
    uint8_t flags;
};

struct page_cache {
    struct cache size[FORMAT_LEAF_LEVELS]; /* by level */
    struct softiommu_cache_statistics statistics;
};

void page_cache_init(struct page_cache *cache, struct arena *arena, uint32_t entries, uint32_t groups,
                     struct dice *dice);
/* False when no page of any size holds the address. Does not count. */
bool page_cache_find(const struct page_cache *cache, uint16_t tag, uint64_t iova, struct leaf *leaf);
void page_cache_fill(struct page_cache *cache, uint16_t tag, uint64_t iova, const struct leaf *leaf);

/* What becomes of large pages that a range touches: all of it goes, as it must, or what an omission makes of it. */
enum large_pages { LARGE_PAGES_WHOLE, LARGE_PAGES_PART, LARGE_PAGES_KEPT };

/* 4 KiB pages first..last, both included. Bit n of `kept`: an omission keeps the pages of level n. */
void page_cache_drop_range(struct page_cache *cache, uint16_t tag, uint64_t first, uint64_t last,
                           enum large_pages large, unsigned kept);
void page_cache_drop_tag(struct page_cache *cache, uint16_t tag, unsigned kept);

#endif
