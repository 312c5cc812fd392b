/* SPDX-License-Identifier: MIT */
/* Faults of full caches. Such a unit has room for FULL or FULL_4000 entries in each, whatever its
 * configuration says. */
#include "host/defects/softiommu_seams.h"

#define FULL      64u
#define FULL_4000 4000u

static unsigned entries_in(const struct cache *cache)
{
    unsigned count = 0;

    for (uint32_t i = 0; i <= cache->group_mask; i++)
        count += cache->group[i].entries;
    return count;
}

/* One entry of the group after the other gets the address of another page, and keeps its tag. */
static bool overwrite(struct cache *cache, unsigned full, uint16_t did, uint64_t page,
                      uint64_t address)
{
    uint32_t victim = cache->group[did & cache->group_mask].first;

    if (victim == CACHE_NO_ENTRY || entries_in(cache) < full || __real_cache_find(cache, did, page))
        return false;
    for (unsigned i = softiommu_memory.full_victims++ % full; i > 0; i--) {
        uint32_t next = cache->entry[victim].group_next;

        victim = next != CACHE_NO_ENTRY ? next : cache->group[did & cache->group_mask].first;
    }
    cache->entry[victim].address = address;
    return true;
}

bool full_tlb_takes(struct tlb *tlb, uint16_t did, uint64_t iova, const struct leaf *leaf)
{
    static const enum softiommu_fault of_level[FORMAT_LEAF_LEVELS] = {
        SOFTIOMMU_FAULT_FULL_4K, SOFTIOMMU_FAULT_FULL_2M, SOFTIOMMU_NO_FAULT};
    bool iotlb = softiommu_memory.unit && tlb == &softiommu_memory.unit->iotlb;

    if (iotlb && leaf->level == 0 && softiommu_injected(SOFTIOMMU_FAULT_FULL_4K_4000))
        return overwrite(&tlb->size[0], FULL_4000, did, iova >> 12, leaf->gpa);
    if (!softiommu_injected(iotlb ? of_level[leaf->level] : SOFTIOMMU_FAULT_FULL_DEVICE_TLB))
        return false;
    return overwrite(&tlb->size[leaf->level], FULL, did, iova >> 12 >> format_order(leaf->level),
                     leaf->gpa);
}

bool full_walk_cache_takes(struct walk_cache *cache, uint16_t did, unsigned level, uint64_t iova,
                           uint64_t table)
{
    return level == 1 && softiommu_injected(SOFTIOMMU_FAULT_FULL_WALK) &&
           overwrite(&cache->level[0], FULL, did, iova >> 12 >> format_order(level), table);
}
