/* SPDX-License-Identifier: MIT */
/* Faults of the comparison of IOVAs: in look-ups, and in flushes of a range. */
#include "host/defects/softiommu_seams.h"
#include "lib/bits.h"

enum kind { IOTLB, WALK, DEVICE_TLB };

/* Bits of an IOVA that a cache compares. */
static const struct tag {
    enum softiommu_fault fault;
    enum kind kind;
    unsigned level;
    uint64_t bits; /* FOLDED: all four indexes, by exclusive or */
} tags[] = {
    {SOFTIOMMU_FAULT_IOTLB_TAG_32, IOTLB, 0, BITS(31, 0)},
    {SOFTIOMMU_FAULT_IOTLB_TAG_39, IOTLB, 0, BITS(38, 0)},
    {SOFTIOMMU_FAULT_IOTLB_TAG_BIT_33, IOTLB, 0, ~BIT(33)},
#define FOLDED 0u
    {SOFTIOMMU_FAULT_IOTLB_TAG_FOLDED, IOTLB, 0, FOLDED},
    {SOFTIOMMU_FAULT_IOTLB_TAG_2M_36, IOTLB, 1, BITS(35, 0)},
    {SOFTIOMMU_FAULT_WALK_TAG_39, WALK, 1, BITS(38, 0)},
    {SOFTIOMMU_FAULT_WALK_TAG_BIT_40, WALK, 3, ~BIT(40)},
    {SOFTIOMMU_FAULT_DEVICE_TLB_TAG_36, DEVICE_TLB, 0, BITS(35, 0)},
};

static const struct cache *cache_of_tag(const struct tag *tag)
{
    const struct softiommu *unit = softiommu_memory.unit;

    switch (tag->kind) {
    case IOTLB:
        return &unit->iotlb.size[tag->level];
    case WALK:
        return &unit->walk_cache.level[tag->level - 1];
    case DEVICE_TLB:
        break;
    }
    return &unit->function[softiommu_memory.access.device].tlb.size[tag->level];
}

static uint64_t fold(uint64_t page)
{
    uint64_t sum = 0;

    for (; page != 0; page >>= FORMAT_INDEX_BITS)
        sum ^= page & (BIT(FORMAT_INDEX_BITS) - 1);
    return sum;
}

static bool same(const struct tag *tag, uint64_t one, uint64_t other)
{
    uint64_t bits = tag->bits >> 12 >> format_order(tag->level);

    return tag->bits == FOLDED ? fold(one) == fold(other) : ((one ^ other) & bits) == 0;
}

static struct cache_entry *find_alias(const struct tag *tag, const struct cache *cache,
                                      uint16_t did, uint64_t page)
{
    uint32_t i = cache->group[did & cache->group_mask].first;

    for (; i != CACHE_NO_ENTRY; i = cache->entry[i].group_next)
        if (cache->entry[i].did == did && same(tag, cache->entry[i].page, page))
            return &cache->entry[i];
    return NULL;
}

/* A cache in which entries of all domains count. */
static bool untagged(const struct cache *cache)
{
    const struct cache *size = softiommu_memory.unit->iotlb.size;

    return (cache == &size[1] && softiommu_injected(SOFTIOMMU_FAULT_UNTAGGED_2M)) ||
           (cache == &size[2] && softiommu_injected(SOFTIOMMU_FAULT_UNTAGGED_1G));
}

static struct cache_entry *find_of_any(const struct cache *cache, uint64_t page)
{
    for (uint32_t group = 0; group <= cache->group_mask; group++) {
        uint32_t i = cache->group[group].first;

        for (; i != CACHE_NO_ENTRY; i = cache->entry[i].group_next)
            if (cache->entry[i].page == page)
                return &cache->entry[i];
    }
    return NULL;
}

struct cache_entry *__wrap_cache_find(const struct cache *cache, uint16_t did, uint64_t page)
{
    struct cache_entry *entry = __real_cache_find(cache, did, page);

    if (!softiommu_faulty || !softiommu_memory.unit)
        return entry;
    if (!entry && untagged(cache))
        entry = find_of_any(cache, page);
    for (unsigned i = 0; !entry && i < ARRAY_SIZE(tags); i++)
        if (softiommu_injected(tags[i].fault) && cache == cache_of_tag(&tags[i]))
            entry = find_alias(&tags[i], cache, did, page);
    return entry;
}

struct page_span range_cut(struct page_span pages)
{
    uint64_t mask = UINT64_MAX;

    if (softiommu_injected(SOFTIOMMU_FAULT_RANGE_32))
        mask = BITS(31, 12) >> 12;
    if (softiommu_injected(SOFTIOMMU_FAULT_RANGE_39))
        mask = BITS(38, 12) >> 12;
    if (pages.last - pages.first > mask)
        return pages;
    return (struct page_span){.first = pages.first & mask, .last = pages.last & mask};
}
