/* SPDX-License-Identifier: MIT */
#include "host/softiommu/walk_cache.h"

#include "host/softiommu/policy.h"
#include "host/softiommu/private.h"
#include "host/softiommu/walk.h"

void walk_cache_init(struct walk_cache *cache, struct arena *arena, uint32_t entries,
                     struct prng *prng)
{
    for (unsigned i = 0; i < WALK_CACHE_LEVELS; i++)
        cache_init(&cache->level[i], arena, entries, CACHE_GROUPS_DOMAINS, prng,
                   &cache->statistics[i]);
}

void walk_cache_start(struct softiommu *iommu, struct walk *walk)
{
    struct walk_cache *cache = &iommu->walk_cache;

    for (unsigned level = 1; level < walk->format->levels; level++) {
        uint64_t page = walk->iova >> 12 >> format_order(level);
        const struct cache_entry *entry = cache_find(&cache->level[level - 1], walk->did, page);

        if (entry) {
            cache->statistics[level - 1].hits++;
            walk->table = entry->address;
            walk->level = level - 1;
            walk->rights = entry->flags;
            return;
        }
        cache->statistics[level - 1].misses++;
    }
}

void walk_cache_fill(struct softiommu *iommu, const struct walk *walk, unsigned level,
                     uint64_t iova, uint64_t table, uint8_t rights)
{
    if (policy_fills(iommu))
        cache_fill(&iommu->walk_cache.level[level - 1], walk->did,
                   iova >> 12 >> format_order(level), table, rights);
}

void walk_cache_drop_range(struct walk_cache *cache, unsigned level, uint16_t did,
                           struct page_span pages)
{
    cache_drop_range(&cache->level[level - 1], did, pages.first >> format_order(level),
                     pages.last >> format_order(level));
}
