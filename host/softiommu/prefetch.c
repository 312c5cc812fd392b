/* SPDX-License-Identifier: MIT */
#include "host/softiommu/prefetch.h"

#include "host/softiommu/policy.h"
#include "host/softiommu/table_entry.h"

#define LINE_ENTRIES 8u /* of 64 bytes */

static bool usable(const struct walk *walk, uint64_t entry)
{
    return (entry & ENTRY_PRESENT) != 0 && !walk_reserved(walk, entry) &&
           ((entry & ENTRY_ACCESSED) != 0 || walk->iommu->config.ad_mode == SOFTIOMMU_AD_IGNORED);
}

static void prefetch(const struct walk *walk, unsigned index)
{
    unsigned shift = walk->format->level[walk->level].shift;
    uint64_t span = BIT(shift + FORMAT_INDEX_BITS);
    uint64_t iova = align_down(walk->iova, span) | (uint64_t)index << shift;
    struct table_entry entry;
    uint8_t rights;

    if (table_entry_read(walk, index, &entry) != SOFTIOMMU_REASON_NONE ||
        !usable(walk, entry.value))
        return;
    rights = table_entry_rights(walk, entry.value);
    if (!format_is_leaf(walk->format, walk->level, entry.value)) {
        walk_cache_fill(walk->iommu, walk, walk->level, iova, entry.value & ENTRY_TABLE, rights);
    } else if ((rights & RIGHT_USER) != 0 && policy_prefetches(walk->iommu, true)) {
        struct leaf leaf = walk_leaf(walk, entry.value, rights);

        tlb_fill(&walk->iommu->iotlb, walk->did, iova, &leaf);
    }
}

void prefetch_line(const struct walk *walk)
{
    unsigned index = format_index(walk->format, walk->level, walk->iova);
    unsigned first = index & ~(LINE_ENTRIES - 1);

    if (!policy_prefetches(walk->iommu, walk->level == 0))
        return;
    for (unsigned i = first; i < first + LINE_ENTRIES; i++)
        if (i != index)
            prefetch(walk, i);
}
