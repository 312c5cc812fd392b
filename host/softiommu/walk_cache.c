/* SPDX-License-Identifier: MIT */
#include "host/softiommu/walk_cache.h"

#include "host/softiommu/policy.h"
#include "host/softiommu/private.h"
#include "host/softiommu/walk.h"

/* 4 KiB pages that an entry of a level spans, as a power of two. */
static unsigned level_order(unsigned level)
{
    return FORMAT_INDEX_BITS * level;
}

void walk_cache_init(struct walk_cache *cache, struct arena *arena, uint32_t entries, struct dice *dice)
{
    for (unsigned i = 0; i < WALK_CACHE_LEVELS; i++)
        cache_init(&cache->level[i], arena, entries, CACHE_GROUPS_DOMAINS, dice, &cache->statistics[i]);
}

void walk_cache_start(struct softiommu *iommu, struct walk *walk)
{
    struct walk_cache *cache = &iommu->walk_cache;

    for (unsigned level = 1; level < walk->format->levels; level++) {
        uint64_t page = walk->iova >> 12 >> level_order(level);
        const struct cache_entry *entry = cache_find(&cache->level[level - 1], walk->tag, page);

        if (entry != NULL) {
            cache->statistics[level - 1].hits++;
            walk->table = entry->address;
            walk->level = level - 1;
            if (!omitted(iommu, SOFTIOMMU_OMIT_WALK_RIGHTS_FORGOTTEN))
                walk->rights = entry->flags;
            return;
        }
        cache->statistics[level - 1].misses++;
    }
}

void walk_cache_fill(struct softiommu *iommu, const struct walk *walk, unsigned level, uint64_t iova, uint64_t table,
                     uint8_t rights)
{
    if (policy_fills(iommu))
        cache_fill(&iommu->walk_cache.level[level - 1], walk->tag, iova >> 12 >> level_order(level), table, rights);
}

void walk_cache_drop_range(struct walk_cache *cache, unsigned level, uint16_t tag, uint64_t first, uint64_t last)
{
    cache_drop_range(&cache->level[level - 1], tag, first >> level_order(level), last >> level_order(level));
}

void walk_cache_drop_tag(struct walk_cache *cache, unsigned level, uint16_t tag)
{
    cache_drop_tag(&cache->level[level - 1], tag);
}
