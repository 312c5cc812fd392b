/* SPDX-License-Identifier: MIT */
/* Cached leaves: one cache for each page size. The IOTLB is one of these, and the TLB of each
 * device is one. */
#ifndef PVT_HOST_SOFTIOMMU_TLB_H
#define PVT_HOST_SOFTIOMMU_TLB_H

#include "host/softiommu/cache.h"
#include "host/softiommu/format.h"
#include "host/softiommu/page_span.h"

#define LEAF_WRITE 0x01u /* write permission of all levels */
#define LEAF_DIRTY 0x02u /* D is set, or is not used: writes need no walk */

struct leaf {
    uint64_t gpa; /* of the page */
    unsigned level;
    uint8_t flags;
};

struct tlb {
    struct cache size[FORMAT_LEAF_LEVELS]; /* by level */
    struct softiommu_cache_statistics statistics;
};

void tlb_init(struct tlb *tlb, struct arena *arena, uint32_t entries, uint32_t groups,
              struct prng *prng);
/* False when no page of any size holds the address. Does not count. */
bool tlb_find(const struct tlb *tlb, uint16_t did, uint64_t iova, struct leaf *leaf);
void tlb_fill(struct tlb *tlb, uint16_t did, uint64_t iova, const struct leaf *leaf);
/* Drops every page that the range touches, large ones as a whole. */
void tlb_drop_range(struct tlb *tlb, uint16_t did, struct page_span pages);

#endif
