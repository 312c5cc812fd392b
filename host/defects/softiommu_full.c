/* SPDX-License-Identifier: MIT */
/* Faults of full caches. Such a unit has room for FULL or FULL_4000 entries in each, whatever its
 * configuration says. */
#include "host/defects/softiommu_seams.h"

#define FULL      64u
#define FULL_2000 2000u
#define FULL_4000 4000u
#define TABLES    4096u

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
    if (iotlb && leaf->level == 1 && softiommu_injected(SOFTIOMMU_FAULT_FULL_2M_2000))
        return overwrite(&tlb->size[1], FULL_2000, did, iova >> 12 >> format_order(1), leaf->gpa);
    if (!softiommu_injected(iotlb ? of_level[leaf->level] : SOFTIOMMU_FAULT_FULL_DEVICE_TLB))
        return false;
    return overwrite(&tlb->size[leaf->level], FULL, did, iova >> 12 >> format_order(leaf->level),
                     leaf->gpa);
}

bool full_walk_cache_takes(struct walk_cache *cache, uint16_t did, unsigned level, uint64_t iova,
                           uint64_t table)
{
    return ((level == 1 && softiommu_injected(SOFTIOMMU_FAULT_FULL_WALK)) ||
            (level == 2 && softiommu_injected(SOFTIOMMU_FAULT_FULL_WALK_2))) &&
           overwrite(&cache->level[level - 1], FULL, did, iova >> 12 >> format_order(level), table);
}

uint64_t numbered_table(uint16_t did, unsigned level, uint64_t iova, uint64_t table)
{
    struct numbered_tables *known = &softiommu_memory.numbered;
    uint64_t line = iova >> 12 >> format_order(1) >> 3;

    if (level != 1 || !softiommu_injected(SOFTIOMMU_FAULT_TABLES_4096))
        return table;
    if (known->lines == 0 || known->did != did)
        *known = (struct numbered_tables){.did = did, .first = table};
    if (line >= known->next && known->lines < TABLES / 8) {
        known->next = line + 1;
        known->lines++;
    }
    return line < known->next ? table : known->first;
}
