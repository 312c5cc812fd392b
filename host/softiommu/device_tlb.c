/* SPDX-License-Identifier: MIT */
#include "host/softiommu/device_tlb.h"

#include "host/softiommu/invalidate.h"
#include "host/softiommu/policy.h"

/* A device knows no domains. */
#define NO_DID 0u

bool device_tlb_find(struct softiommu *iommu, unsigned device, uint64_t iova,
                     enum oracle_access access, struct leaf *leaf)
{
    struct tlb *tlb = &iommu->function[device].tlb;
    uint8_t needed = access == ORACLE_ACCESS_WRITE ? LEAF_WRITE | LEAF_DIRTY : 0;
    bool found = tlb_find(tlb, NO_DID, iova, leaf) && (leaf->flags & needed) == needed;

    if (found)
        tlb->statistics.hits++;
    else
        tlb->statistics.misses++;
    return found;
}

void device_tlb_fill(struct softiommu *iommu, unsigned device, uint64_t iova,
                     const struct leaf *leaf)
{
    if (policy_fills(iommu))
        tlb_fill(&iommu->function[device].tlb, NO_DID, iova, leaf);
}

void device_tlb_drop_range(struct softiommu *iommu, unsigned device, struct page_span pages)
{
    tlb_drop_range(&iommu->function[device].tlb, NO_DID, pages);
}

void softiommu_set_ats(struct softiommu *iommu, unsigned device, bool on)
{
    struct scope scope = {.device = device, .pages = all_pages};

    if (device >= iommu->config.devices)
        return;
    iommu->function[device].ats = on;
    invalidate(iommu, SOFTIOMMU_EVENT_ATS_CHANGE, &scope);
}
