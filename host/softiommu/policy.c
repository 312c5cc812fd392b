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
        return !prng_one_in(&iommu->prng, SKIPPED_FILL);
    case SOFTIOMMU_CACHE_NONE:
        break;
    }
    return false;
}

bool policy_trusts_denial(struct softiommu *iommu)
{
    return iommu->config.policy != SOFTIOMMU_CACHE_RANDOM || !prng_one_in(&iommu->prng, DOUBT);
}

bool policy_prefetches(struct softiommu *iommu, bool leaf)
{
    if (iommu->config.policy == SOFTIOMMU_CACHE_RANDOM)
        return prng_one_in(&iommu->prng, PREFETCH);
    return iommu->config.policy == SOFTIOMMU_CACHE_ADVERSARIAL && !leaf;
}

void policy_evict(struct softiommu *iommu, unsigned device)
{
    struct prng *prng = &iommu->prng;

    if (iommu->config.policy != SOFTIOMMU_CACHE_RANDOM || !prng_one_in(prng, EVICTION))
        return;
    cache_evict_some(&iommu->iotlb.size[prng_below(prng, FORMAT_LEAF_LEVELS)], prng);
    cache_evict_some(&iommu->walk_cache.level[prng_below(prng, WALK_CACHE_LEVELS)], prng);
    cache_evict_some(&iommu->function[device].tlb.size[prng_below(prng, FORMAT_LEAF_LEVELS)], prng);
    if (iommu->context[device].valid) {
        iommu->context[device].valid = false;
        iommu->context_statistics.evictions++;
        iommu->context_statistics.entries--;
    }
}
