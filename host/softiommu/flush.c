/* SPDX-License-Identifier: MIT */
/* Flushes of a domain or of a part, in all caches; new requests see the tables before old ones are waited for. */
#include "host/softiommu/device_tlb.h"
#include "host/softiommu/stage1.h"

/* Pages of 4 KiB, both included. */
struct range {
    uint64_t first, last;
};

static bool omitted_at(const struct softiommu *iommu, enum softiommu_omission level_1, unsigned level)
{
    return omitted(iommu, (enum softiommu_omission)(level_1 + level - 1));
}

/* True while the device has the tag: by the device table, not by what a cache says. */
static bool in_domain(const struct softiommu *iommu, unsigned device, uint16_t tag)
{
    return iommu->function[device].translation.tag == tag;
}

static void flush_device_tlbs(struct softiommu *iommu, uint16_t tag, const struct range *range, enum large_pages large)
{
    for (unsigned i = 0; i < iommu->config.devices; i++) {
        if (!in_domain(iommu, i, tag) || !iommu->function[i].ats)
            continue;
        if (range != NULL)
            device_tlb_drop_range(iommu, i, range->first, range->last, large);
        else
            device_tlb_drop_all(iommu, i);
        if (omitted(iommu, SOFTIOMMU_OMIT_DEVICE_TLB_SECOND))
            return;
    }
}

void softiommu_flush_domain(struct softiommu *iommu, uint16_t tag)
{
    uint16_t cached = stage1_cache_tag(iommu, tag);

    iommu->statistics.domain_flushes++;
    if (!omitted(iommu, SOFTIOMMU_OMIT_IOTLB_DOMAIN_FLUSH))
        page_cache_drop_tag(&iommu->iotlb, cached, kept_levels(iommu, DROP_DOMAIN_FLUSH));
    for (unsigned level = 1; level <= WALK_CACHE_LEVELS; level++) {
        if (!omitted_at(iommu, SOFTIOMMU_OMIT_WALK_DOMAIN_FLUSH_1, level))
            walk_cache_drop_tag(&iommu->walk_cache, level, cached);
    }
    if (!omitted(iommu, SOFTIOMMU_OMIT_DEVICE_TLB_DOMAIN_FLUSH))
        flush_device_tlbs(iommu, tag, NULL, LARGE_PAGES_WHOLE);
    if (!omitted(iommu, SOFTIOMMU_OMIT_DRAIN_DOMAIN_FLUSH))
        softiommu_drain_domain(iommu, tag);
    late_store_release(iommu, tag);
}

/* Saturates at the last page there is. */
static struct range range_of(uint64_t page, unsigned shift)
{
    uint64_t more = shift < 64 ? BIT(shift) - 1 : UINT64_MAX;

    return (struct range){.first = page, .last = more <= UINT64_MAX - page ? page + more : UINT64_MAX};
}

/* The part of a range of several pages whose leaves are dropped: all of it but for the omissions. */
static struct range leaf_range(const struct softiommu *iommu, struct range range)
{
    if (range.first == range.last)
        return range;
    if (omitted(iommu, SOFTIOMMU_OMIT_RANGE_FIRST))
        range.first++;
    if (omitted(iommu, SOFTIOMMU_OMIT_RANGE_LAST))
        range.last--;
    return range;
}

static enum large_pages large_pages(const struct softiommu *iommu)
{
    if (omitted(iommu, SOFTIOMMU_OMIT_LARGE_PAGE_KEPT))
        return LARGE_PAGES_KEPT;
    return omitted(iommu, SOFTIOMMU_OMIT_LARGE_PAGE_PART) ? LARGE_PAGES_PART : LARGE_PAGES_WHOLE;
}

void softiommu_flush_range(struct softiommu *iommu, uint16_t tag, uint64_t page, unsigned shift)
{
    uint16_t cached = stage1_cache_tag(iommu, tag);
    struct range range = range_of(page, shift);
    struct range leaves = leaf_range(iommu, range);
    enum large_pages large = large_pages(iommu);

    iommu->statistics.range_flushes++;
    if (!omitted(iommu, SOFTIOMMU_OMIT_IOTLB_RANGE_FLUSH))
        page_cache_drop_range(&iommu->iotlb, cached, leaves.first, leaves.last, large,
                              kept_levels(iommu, DROP_RANGE_FLUSH));
    for (unsigned level = 1; level <= WALK_CACHE_LEVELS; level++) {
        if (!omitted_at(iommu, SOFTIOMMU_OMIT_WALK_RANGE_FLUSH_1, level))
            walk_cache_drop_range(&iommu->walk_cache, level, cached, range.first, range.last);
    }
    if (!omitted(iommu, SOFTIOMMU_OMIT_DEVICE_TLB_RANGE_FLUSH))
        flush_device_tlbs(iommu, tag, &leaves, large);
    if (!omitted(iommu, SOFTIOMMU_OMIT_DRAIN_RANGE_FLUSH))
        softiommu_drain_domain(iommu, tag);
    late_store_release(iommu, tag);
}
