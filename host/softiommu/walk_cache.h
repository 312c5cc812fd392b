/* SPDX-License-Identifier: MIT */
/*
 * Paging-structure caches: per level, where the table below an entry is and what the levels down to
 * it allow. A walk starts below the lowest one that matches. The top table itself is named by the
 * context entry, not cached here.
 */
#ifndef PVT_HOST_SOFTIOMMU_WALK_CACHE_H
#define PVT_HOST_SOFTIOMMU_WALK_CACHE_H

#include "host/softiommu/cache.h"
#include "host/softiommu/page_span.h"

struct softiommu;
struct walk;

#define WALK_CACHE_LEVELS 4u /* levels 1..4 at index 0..3 */

struct walk_cache {
    struct cache level[WALK_CACHE_LEVELS];
    struct softiommu_cache_statistics statistics[WALK_CACHE_LEVELS];
};

void walk_cache_init(struct walk_cache *cache, struct arena *arena, uint32_t entries,
                     struct prng *prng);
/* Moves a walk that is at the top as far down as the caches know. */
void walk_cache_start(struct softiommu *iommu, struct walk *walk);
/* The entry of `level` for `iova` leads to `table`. */
void walk_cache_fill(struct softiommu *iommu, const struct walk *walk, unsigned level,
                     uint64_t iova, uint64_t table, uint8_t rights);
/* `level`: 1..4. Drops every entry whose span the range touches. */
void walk_cache_drop_range(struct walk_cache *cache, unsigned level, uint16_t did,
                           struct page_span pages);

#endif
