/* SPDX-License-Identifier: MIT */
#include "host/softiommu/policy.h"

/* Once in so many times; chosen so that stale, fresh and missing entries all are common. */
#define SKIPPED_FILL 4u
#define DOUBT        2u
#define PREFETCH     4u
#define EVICTION     4u

bool policy_fills(struct softiommu *iommu)
{
    switch (iommu->config.policy) {
    case SOFTIOMMU_CACHE_ADVERSARIAL:
        return true;
    case SOFTIOMMU_CACHE_RANDOM:
        return !dice_one_in(&iommu->dice, SKIPPED_FILL);
    case SOFTIOMMU_CACHE_NONE:
        break;
    }
    return false;
}

bool policy_trusts_denial(struct softiommu *iommu)
{
    return iommu->config.policy != SOFTIOMMU_CACHE_RANDOM || !dice_one_in(&iommu->dice, DOUBT);
}

bool policy_prefetches(struct softiommu *iommu, bool leaf)
{
    if (iommu->config.policy == SOFTIOMMU_CACHE_RANDOM)
        return dice_one_in(&iommu->dice, PREFETCH);
    return iommu->config.policy == SOFTIOMMU_CACHE_ADVERSARIAL && !leaf;
}

void policy_evict(struct softiommu *iommu, unsigned device)
{
    struct dice *dice = &iommu->dice;

    if (iommu->config.policy != SOFTIOMMU_CACHE_RANDOM || !dice_one_in(dice, EVICTION))
        return;
    cache_evict_some(&iommu->iotlb.size[dice_below(dice, FORMAT_LEAF_LEVELS)], dice);
    cache_evict_some(&iommu->walk_cache.level[dice_below(dice, WALK_CACHE_LEVELS)], dice);
    cache_evict_some(&iommu->function[device].tlb.size[dice_below(dice, FORMAT_LEAF_LEVELS)], dice);
    if (iommu->context[device].valid) {
        iommu->context[device].valid = false;
        iommu->context_statistics.evictions++;
        iommu->context_statistics.entries--;
    }
}
