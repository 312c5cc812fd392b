/* SPDX-License-Identifier: MIT */
#include "host/softiommu/statistics.h"

#include "host/softiommu/private.h"

static const struct softiommu_cache_statistics *find(const struct softiommu *iommu,
                                                     enum softiommu_cache cache, unsigned index)
{
    switch (cache) {
    case SOFTIOMMU_IOTLB:
        return index == 0 ? &iommu->iotlb.statistics : NULL;
    case SOFTIOMMU_WALK_CACHE:
        return index >= 1 && index <= WALK_CACHE_LEVELS ? &iommu->walk_cache.statistics[index - 1]
                                                        : NULL;
    case SOFTIOMMU_DEVICE_TLB:
        return index < iommu->config.devices ? &iommu->function[index].tlb.statistics : NULL;
    case SOFTIOMMU_CONTEXT:
        return index == 0 ? &iommu->context_statistics : NULL;
    }
    return NULL;
}

bool softiommu_cache_statistics(const struct softiommu *iommu, enum softiommu_cache cache,
                                unsigned index, struct softiommu_cache_statistics *statistics)
{
    const struct softiommu_cache_statistics *found = find(iommu, cache, index);

    *statistics = found ? *found : (struct softiommu_cache_statistics){0};
    return found;
}

struct softiommu_statistics softiommu_statistics(const struct softiommu *iommu)
{
    return iommu->statistics;
}
