/* SPDX-License-Identifier: MIT */
/* Flushes of a domain or of a part of it, and the end of a domain. */
#include "host/softiommu/invalidate.h"
#include "host/softiommu/private.h"

void softiommu_flush_domain(struct softiommu *iommu, uint16_t did)
{
    struct scope scope = {.did = did, .device = EVERY_DEVICE, .pages = all_pages};

    iommu->statistics.domain_flushes++;
    invalidate(iommu, SOFTIOMMU_EVENT_DOMAIN_FLUSH, &scope);
}

/* Saturates at the last page there is. */
static struct page_span range_of(uint64_t page, unsigned shift)
{
    uint64_t more = shift < 64 ? BIT(shift) - 1 : UINT64_MAX;

    return (struct page_span){.first = page,
                              .last = more <= UINT64_MAX - page ? page + more : UINT64_MAX};
}

void softiommu_flush_range(struct softiommu *iommu, uint16_t did, uint64_t page, unsigned shift)
{
    struct scope scope = {.did = did, .device = EVERY_DEVICE, .pages = range_of(page, shift)};

    iommu->statistics.range_flushes++;
    invalidate(iommu, SOFTIOMMU_EVENT_RANGE_FLUSH, &scope);
}

void softiommu_delete_domain(struct softiommu *iommu, const struct softiommu_translation *domain)
{
    struct scope scope = {.did = domain->did, .device = EVERY_DEVICE, .pages = all_pages};

    iommu->statistics.deletes++;
    invalidate(iommu, SOFTIOMMU_EVENT_DELETE, &scope);
}
