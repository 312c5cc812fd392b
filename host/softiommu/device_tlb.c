/* SPDX-License-Identifier: MIT */
#include "host/softiommu/device_tlb.h"

#include "host/softiommu/policy.h"

/* A device knows no domains. */
#define NO_TAG 0u

bool device_tlb_find(struct softiommu *iommu, unsigned device, uint64_t iova, enum oracle_access access,
                     struct leaf *leaf)
{
    struct page_cache *tlb = &iommu->function[device].tlb;
    uint8_t needed = access == ORACLE_ACCESS_WRITE ? LEAF_WRITE | LEAF_DIRTY : 0;
    bool found;

    if (omitted(iommu, SOFTIOMMU_OMIT_DEVICE_TLB_WRITE_UNCHECKED))
        needed = 0;
    found = page_cache_find(tlb, NO_TAG, iova, leaf) && (leaf->flags & needed) == needed;
    if (found)
        tlb->statistics.hits++;
    else
        tlb->statistics.misses++;
    return found;
}

void device_tlb_fill(struct softiommu *iommu, unsigned device, uint64_t iova, const struct leaf *leaf)
{
    if (policy_fills(iommu))
        page_cache_fill(&iommu->function[device].tlb, NO_TAG, iova, leaf);
}

void device_tlb_drop_range(struct softiommu *iommu, unsigned device, uint64_t first, uint64_t last,
                           enum large_pages large)
{
    page_cache_drop_range(&iommu->function[device].tlb, NO_TAG, first, last, large,
                          kept_levels(iommu, DROP_DEVICE_TLB));
}

void device_tlb_drop_all(struct softiommu *iommu, unsigned device)
{
    page_cache_drop_tag(&iommu->function[device].tlb, NO_TAG, kept_levels(iommu, DROP_DEVICE_TLB));
}

void softiommu_set_ats(struct softiommu *iommu, unsigned device, bool on)
{
    if (device >= iommu->config.devices)
        return;
    iommu->function[device].ats = on;
    if (!omitted(iommu, SOFTIOMMU_OMIT_DEVICE_TLB_ATS_OFF))
        device_tlb_drop_all(iommu, device);
}
