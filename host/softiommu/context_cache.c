/* SPDX-License-Identifier: MIT */
#include "host/softiommu/context_cache.h"

#include "host/softiommu/policy.h"

struct softiommu_translation context_of(struct softiommu *iommu, unsigned device)
{
    struct context_entry *entry = &iommu->context[device];

    if (entry->valid) {
        iommu->context_statistics.hits++;
        return entry->translation;
    }
    iommu->context_statistics.misses++;
    if (policy_fills(iommu)) {
        *entry = (struct context_entry){.valid = true,
                                        .translation = iommu->function[device].translation};
        iommu->context_statistics.fills++;
        iommu->context_statistics.entries++;
    }
    return iommu->function[device].translation;
}

void context_drop(struct softiommu *iommu, unsigned device)
{
    iommu->context_statistics.visited++;
    if (!iommu->context[device].valid)
        return;
    iommu->context[device].valid = false;
    iommu->context_statistics.invalidations++;
    iommu->context_statistics.entries--;
}
