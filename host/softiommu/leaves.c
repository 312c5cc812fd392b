/* SPDX-License-Identifier: MIT */
#include "host/softiommu/private.h"

void softiommu_visit_leaves(const struct softiommu *iommu, uint16_t did,
                            softiommu_leaf_visitor *visit, void *context)
{
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++) {
        const struct cache *cache = &iommu->iotlb.size[level];
        const struct cache_entry *entry;

        for (uint32_t i = cache->group[did & cache->group_mask].first; i != CACHE_NO_ENTRY;
             i = entry->group_next) {
            entry = &cache->entry[i];
            if (entry->did == did)
                visit(context,
                      &(struct softiommu_leaf){.iova = entry->page << format_order(level) << 12,
                                               .gpa = entry->address,
                                               .write = (entry->flags & LEAF_WRITE) != 0});
        }
    }
}
