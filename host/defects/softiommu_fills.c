/* SPDX-License-Identifier: MIT */
/* Faults of caches that remember by which access they were filled, and of tables that several
 * entries lead to. */
#include "host/defects/softiommu_seams.h"

/* Only these need the origin of entries. */
static bool origin_matters(void)
{
    return softiommu_injected(SOFTIOMMU_FAULT_WALK_OF_FAULT) ||
           softiommu_injected(SOFTIOMMU_FAULT_WALK_OF_PAGE) ||
           softiommu_injected(SOFTIOMMU_FAULT_WALK_PREFETCHED) ||
           softiommu_injected(SOFTIOMMU_FAULT_WALK_SHARED_TABLE);
}

static struct walk_fill *fill_at(unsigned number)
{
    return &softiommu_memory.walk_fill[number % WALK_FILLS];
}

void __wrap_walk_cache_fill(struct softiommu *iommu, const struct walk *walk, unsigned level,
                            uint64_t iova, uint64_t table, uint8_t rights)
{
    unsigned order = format_order(level);

    if (softiommu_faulty &&
        full_walk_cache_takes(&iommu->walk_cache, walk->did, level, iova, table))
        return;
    table = numbered_table(walk->did, level, iova, table);
    __real_walk_cache_fill(iommu, walk, level, iova, table, rights);
    if (!softiommu_faulty || !origin_matters())
        return;
    *fill_at(softiommu_memory.walk_fills++) = (struct walk_fill){
        .page = iova >> 12 >> order,
        .table = table,
        .filler = walk->iova >> 12,
        .did = walk->did,
        .level = (uint8_t)level,
        .rights = rights,
        .used = true,
        .prefetched = iova >> 12 >> order != walk->iova >> 12 >> order,
    };
}

enum softiommu_reason __wrap_walk_run(struct walk *walk, struct leaf *leaf)
{
    unsigned before = softiommu_memory.walk_fills;
    enum softiommu_reason reason = __real_walk_run(walk, leaf);

    if (!softiommu_faulty)
        return reason;
    for (unsigned i = before; i < softiommu_memory.walk_fills; i++)
        fill_at(i)->faulted = reason != SOFTIOMMU_REASON_NONE;
    return reason;
}

/* Another domain has used the table after this entry was filled. */
static bool shared_since(unsigned number)
{
    for (unsigned i = number + 1; i < softiommu_memory.walk_fills; i++)
        if (fill_at(i)->table == fill_at(number)->table && fill_at(i)->did != fill_at(number)->did)
            return true;
    return false;
}

static bool is_kept(unsigned number, struct page_span pages)
{
    const struct walk_fill *fill = fill_at(number);
    bool range_flush = softiommu_memory.invalidation.event == SOFTIOMMU_EVENT_RANGE_FLUSH;

    if (!range_flush && softiommu_memory.invalidation.event != SOFTIOMMU_EVENT_DOMAIN_FLUSH)
        return false;
    if (fill->faulted && softiommu_injected(SOFTIOMMU_FAULT_WALK_OF_FAULT))
        return true;
    if (softiommu_injected(SOFTIOMMU_FAULT_WALK_SHARED_TABLE) && shared_since(number))
        return true;
    if (!range_flush)
        return false;
    if (fill->prefetched && softiommu_injected(SOFTIOMMU_FAULT_WALK_PREFETCHED))
        return true;
    return softiommu_injected(SOFTIOMMU_FAULT_WALK_OF_PAGE) &&
           (fill->filler < pages.first || fill->filler > pages.last);
}

/* The entries that are still there; older ones than the last WALK_FILLS are forgotten. */
static unsigned oldest(void)
{
    return softiommu_memory.walk_fills > WALK_FILLS ? softiommu_memory.walk_fills - WALK_FILLS : 0;
}

void fills_save(const struct walk_cache *cache, unsigned level, uint16_t did,
                struct page_span pages)
{
    unsigned order = format_order(level);

    for (unsigned i = oldest(); i < softiommu_memory.walk_fills; i++) {
        struct walk_fill *fill = fill_at(i);
        const struct cache_entry *entry;

        if (!fill->used || fill->level != level || fill->did != did ||
            fill->page < pages.first >> order || fill->page > pages.last >> order)
            continue;
        entry = __real_cache_find(&cache->level[level - 1], did, fill->page);
        fill->saved = entry && entry->address == fill->table && is_kept(i, pages);
        fill->used = fill->saved;
    }
}

void fills_restore(struct walk_cache *cache, unsigned level, uint16_t did)
{
    for (unsigned i = oldest(); i < softiommu_memory.walk_fills; i++) {
        struct walk_fill *fill = fill_at(i);

        if (fill->saved && fill->level == level && fill->did == did)
            cache_fill(&cache->level[level - 1], did, fill->page, fill->table, fill->rights);
        fill->saved = false;
    }
}

/* The other page of the pair gets the permission of this one. */
static void fill_pair(struct tlb *tlb, uint16_t did, uint64_t iova, const struct leaf *leaf)
{
    struct cache_entry *other = __real_cache_find(&tlb->size[0], did, iova >> 12 ^ 1);

    if (leaf->level == 0 && other)
        other->flags = leaf->flags;
}

static bool is_iotlb(const struct tlb *tlb)
{
    return softiommu_memory.unit && tlb == &softiommu_memory.unit->iotlb;
}

void __wrap_tlb_fill(struct tlb *tlb, uint16_t did, uint64_t iova, const struct leaf *leaf)
{
    struct leaf kept = *leaf;

    if (softiommu_faulty && full_tlb_takes(tlb, did, iova, leaf))
        return;
    if (softiommu_faulty && softiommu_injected(SOFTIOMMU_FAULT_IOTLB_TARGET_32) && is_iotlb(tlb))
        kept.gpa = (uint32_t)kept.gpa;
    __real_tlb_fill(tlb, did, iova, &kept);
    if (!softiommu_faulty)
        return;
    if (softiommu_injected(SOFTIOMMU_FAULT_PAIR_RIGHTS))
        fill_pair(tlb, did, iova, leaf);
    if (leaf->level > 0)
        softiommu_memory.large_fill[softiommu_memory.large_fills++ % LARGE_FILLS] =
            (struct large_fill){.tlb = tlb,
                                .iova = iova,
                                .gpa = leaf->gpa,
                                .did = did,
                                .level = (uint8_t)leaf->level,
                                .flags = leaf->flags};
}

void large_fills_save(const struct tlb *tlb, uint16_t did, struct page_span pages)
{
    for (unsigned i = 0; i < LARGE_FILLS && softiommu_injected(SOFTIOMMU_FAULT_LARGE_OF_PAGE);
         i++) {
        struct large_fill *fill = &softiommu_memory.large_fill[i];
        uint64_t page = fill->iova >> 12;

        fill->saved =
            fill->tlb == tlb && fill->did == did && (page < pages.first || page > pages.last) &&
            __real_cache_find(&tlb->size[fill->level], did, page >> format_order(fill->level));
    }
}

void large_fills_restore(struct tlb *tlb)
{
    for (unsigned i = 0; i < LARGE_FILLS; i++) {
        struct large_fill *fill = &softiommu_memory.large_fill[i];
        struct leaf leaf = {.gpa = fill->gpa, .level = fill->level, .flags = fill->flags};

        if (fill->saved)
            __real_tlb_fill(tlb, fill->did, fill->iova, &leaf);
        fill->saved = false;
    }
}

static bool any_in(const struct cache *cache, uint16_t did, uint64_t first, uint64_t last)
{
    uint32_t i = cache->group[did & cache->group_mask].first;

    for (; i != CACHE_NO_ENTRY; i = cache->entry[i].group_next)
        if (cache->entry[i].did == did && cache->entry[i].page >= first &&
            cache->entry[i].page <= last)
            return true;
    return false;
}

bool iotlb_holds(const struct softiommu *iommu, uint16_t did, struct page_span pages)
{
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++)
        if (any_in(&iommu->iotlb.size[level], did, pages.first >> format_order(level),
                   pages.last >> format_order(level)))
            return true;
    return false;
}

uint8_t table_rights(uint64_t table, uint8_t rights)
{
    if (!softiommu_injected(SOFTIOMMU_FAULT_RIGHTS_OF_TABLE))
        return rights;
    for (unsigned i = 0; i < KNOWN_TABLES; i++)
        if (softiommu_memory.known_table[i].table == table)
            rights |= softiommu_memory.known_table[i].rights & RIGHT_WRITE;
    softiommu_memory.known_table[softiommu_memory.known_tables++ % KNOWN_TABLES] =
        (struct known_table){.table = table, .rights = rights};
    return rights;
}
