/* SPDX-License-Identifier: MIT */
#include "host/softiommu/invalidate.h"

#include "host/softiommu/context_cache.h"
#include "host/softiommu/device_tlb.h"

/* A domain's invalidations reach a device that the device table says is in it, whatever a cache
 * says, and that has ATS on. */
static bool domain_reaches(const struct softiommu *iommu, uint16_t did, unsigned device)
{
    return iommu->function[device].ats && iommu->function[device].translation.did == did;
}

static void drop_device_tlbs(struct softiommu *iommu, const struct scope *scope)
{
    if (scope->device != EVERY_DEVICE) {
        device_tlb_drop_range(iommu, scope->device, scope->pages);
        return;
    }
    for (unsigned i = 0; i < iommu->config.devices; i++)
        if (domain_reaches(iommu, scope->did, i))
            device_tlb_drop_range(iommu, i, scope->pages);
}

static void drain(struct softiommu *iommu, const struct scope *scope)
{
    if (scope->device == EVERY_DEVICE)
        softiommu_drain_domain(iommu, scope->did);
    else
        softiommu_drain_device(iommu, scope->device);
}

void invalidate(struct softiommu *iommu, enum softiommu_event event, const struct scope *scope)
{
    const bool *has = iommu->rules.has[event];

    if (has[SOFTIOMMU_DROPS_CONTEXT])
        context_drop(iommu, scope->device);
    if (has[SOFTIOMMU_DROPS_IOTLB] && !scope->domain_stays)
        tlb_drop_range(&iommu->iotlb, scope->did, scope->pages);
    for (unsigned level = 1; level <= WALK_CACHE_LEVELS; level++)
        if (has[SOFTIOMMU_DROPS_WALK_1 + level - 1] && !scope->domain_stays)
            walk_cache_drop_range(&iommu->walk_cache, level, scope->did, scope->pages);
    if (has[SOFTIOMMU_DROPS_DEVICE_TLB])
        drop_device_tlbs(iommu, scope);
    if (has[SOFTIOMMU_DRAINS])
        drain(iommu, scope);
}
