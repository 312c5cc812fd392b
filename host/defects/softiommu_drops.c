/* SPDX-License-Identifier: MIT */
/* Faults of what an invalidation drops, beyond the cleared cells of the rules (softiommu_faults.c).
 */
#include "host/defects/softiommu_seams.h"
#include "lib/bits.h"

static bool is_flush(enum softiommu_event event)
{
    return event == SOFTIOMMU_EVENT_DOMAIN_FLUSH || event == SOFTIOMMU_EVENT_RANGE_FLUSH;
}

/* A host that takes a domain without devices for one of which nothing is cached: a flush drops no
 * more than ATTACH did when the last device left. */
static bool is_idle_flush(const struct softiommu *iommu, enum softiommu_event event, uint16_t did)
{
    for (unsigned i = 0; i < iommu->config.devices; i++)
        if (iommu->function[i].translation.did == did)
            return false;
    return is_flush(event);
}

static void drop_as_attach(struct softiommu_rules *rules, enum softiommu_event event)
{
    for (unsigned i = SOFTIOMMU_DROPS_IOTLB; i <= SOFTIOMMU_DROPS_WALK_4; i++)
        rules->has[event][i] = rules->has[event][i] && rules->has[SOFTIOMMU_EVENT_ATTACH][i];
}

static bool keeps_walks(const struct softiommu *iommu, enum softiommu_event event,
                        const struct scope *scope)
{
    return event == SOFTIOMMU_EVENT_RANGE_FLUSH &&
           softiommu_injected(SOFTIOMMU_FAULT_WALK_BY_IOTLB) &&
           !iotlb_holds(iommu, scope->did, scope->pages);
}

/* The IOTLB has a list of entries for domains whose ids are equal but for bits above these: the
 * first entry of the list is another domain's. */
static bool another_is_first(const struct softiommu *iommu, uint16_t did)
{
    const struct cache *cache = &iommu->iotlb.size[0];
    uint32_t first = cache->group[did & cache->group_mask].first;

    return first != CACHE_NO_ENTRY && cache->entry[first].did != did;
}

/* A flush that looks at the first entry to learn whether anything is cached of the domain. */
static void drop_by_first(const struct softiommu *iommu, struct softiommu_rules *rules,
                          enum softiommu_event event, uint16_t did)
{
    bool looks = (event == SOFTIOMMU_EVENT_DOMAIN_FLUSH &&
                  softiommu_injected(SOFTIOMMU_FAULT_DOMAIN_FLUSH_BY_FIRST)) ||
                 (event == SOFTIOMMU_EVENT_RANGE_FLUSH &&
                  softiommu_injected(SOFTIOMMU_FAULT_RANGE_FLUSH_BY_FIRST));

    for (unsigned i = SOFTIOMMU_DROPS_IOTLB; i <= SOFTIOMMU_DROPS_WALK_4; i++)
        rules->has[event][i] = rules->has[event][i] && !(looks && another_is_first(iommu, did));
}

static void drop_no_walks(struct softiommu_rules *rules, enum softiommu_event event)
{
    for (unsigned i = 0; i < WALK_CACHE_LEVELS; i++)
        rules->has[event][SOFTIOMMU_DROPS_WALK_1 + i] = false;
}

void __wrap_invalidate(struct softiommu *iommu, enum softiommu_event event,
                       const struct scope *scope)
{
    const struct softiommu_rules rules = iommu->rules;
    struct scope reached = *scope;

    if (!softiommu_faulty) {
        __real_invalidate(iommu, event, scope);
        return;
    }
    if (event == SOFTIOMMU_EVENT_RANGE_FLUSH)
        reached.pages = range_cut(scope->pages);
    softiommu_memory.invalidation.iommu = iommu;
    softiommu_memory.invalidation.event = event;
    softiommu_memory.invalidation.device_tlbs = 0;
    softiommu_memory.invalidation.drained = false;
    softiommu_memory.invalidation.idle = is_idle_flush(iommu, event, scope->did);
    if (softiommu_memory.invalidation.idle)
        drop_as_attach(&iommu->rules, event);
    drop_by_first(iommu, &iommu->rules, event, scope->did);
    if (keeps_walks(iommu, event, scope) || softiommu_memory.tables_kept)
        drop_no_walks(&iommu->rules, event);
    if (softiommu_injected(SOFTIOMMU_FAULT_DRAIN_CACHED))
        drain_note_cached(iommu, is_flush(event));
    if (drain_is_skipped(iommu, event, scope))
        iommu->rules.has[event][SOFTIOMMU_DRAINS] = false;
    __real_invalidate(iommu, event, &reached);
    iommu->rules = rules;
    if (event != SOFTIOMMU_EVENT_ATS_CHANGE)
        delayed_ad_release(scope->did);
}

/* The fault, if there is one, that keeps the pages of a level in the TLB in spite of the event. */
static enum softiommu_fault keeping(bool iotlb, unsigned level)
{
    static const enum softiommu_fault of_iotlb[SOFTIOMMU_EVENTS][FORMAT_LEAF_LEVELS] = {
        [SOFTIOMMU_EVENT_DOMAIN_FLUSH] = {SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_KEPT_2M_DOMAIN_FLUSH,
                                          SOFTIOMMU_FAULT_KEPT_1G_DOMAIN_FLUSH},
        [SOFTIOMMU_EVENT_RANGE_FLUSH] = {SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_KEPT_2M_RANGE_FLUSH,
                                         SOFTIOMMU_FAULT_KEPT_1G_RANGE_FLUSH},
        [SOFTIOMMU_EVENT_ATTACH] = {SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_KEPT_2M_ATTACH,
                                    SOFTIOMMU_FAULT_KEPT_1G_ATTACH},
        [SOFTIOMMU_EVENT_ATTACH_BLOCKING] = {SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_KEPT_2M_ATTACH,
                                             SOFTIOMMU_FAULT_KEPT_1G_ATTACH},
        [SOFTIOMMU_EVENT_DETACH] = {SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_KEPT_2M_DETACH,
                                    SOFTIOMMU_FAULT_KEPT_1G_DETACH},
        [SOFTIOMMU_EVENT_DELETE] = {SOFTIOMMU_NO_FAULT, SOFTIOMMU_NO_FAULT, SOFTIOMMU_NO_FAULT},
        [SOFTIOMMU_EVENT_ATS_CHANGE] = {SOFTIOMMU_NO_FAULT, SOFTIOMMU_NO_FAULT, SOFTIOMMU_NO_FAULT},
    };
    static const enum softiommu_fault of_switch[SOFTIOMMU_EVENTS] = {
        [SOFTIOMMU_EVENT_DOMAIN_FLUSH] = SOFTIOMMU_NO_FAULT,
        [SOFTIOMMU_EVENT_RANGE_FLUSH] = SOFTIOMMU_NO_FAULT,
        [SOFTIOMMU_EVENT_ATTACH] = SOFTIOMMU_FAULT_DEVICE_TLB_LARGE_ATTACH,
        [SOFTIOMMU_EVENT_ATTACH_BLOCKING] = SOFTIOMMU_FAULT_DEVICE_TLB_LARGE_BLOCKING,
        [SOFTIOMMU_EVENT_DETACH] = SOFTIOMMU_FAULT_DEVICE_TLB_LARGE_DETACH,
        [SOFTIOMMU_EVENT_DELETE] = SOFTIOMMU_NO_FAULT,
        [SOFTIOMMU_EVENT_ATS_CHANGE] = SOFTIOMMU_NO_FAULT,
    };
    static const enum softiommu_fault of_device_tlb[FORMAT_LEAF_LEVELS] = {
        SOFTIOMMU_NO_FAULT, SOFTIOMMU_FAULT_KEPT_2M_DEVICE_TLB, SOFTIOMMU_FAULT_KEPT_1G_DEVICE_TLB};

    if (!iotlb)
        return softiommu_injected(of_device_tlb[level])
                   ? of_device_tlb[level]
                   : of_switch[softiommu_memory.invalidation.event];
    return of_iotlb[softiommu_memory.invalidation.idle
                        ? SOFTIOMMU_EVENT_ATTACH
                        : softiommu_memory.invalidation.event][level];
}

/* Several pages that are a part of a large one. */
static bool keeps_of_part(unsigned level, struct page_span pages)
{
    uint64_t inside = BIT(format_order(level)) - 1, more = pages.last - pages.first;

    if (softiommu_memory.invalidation.event != SOFTIOMMU_EVENT_RANGE_FLUSH || more == 0 ||
        more >= inside)
        return false;
    return (softiommu_injected(SOFTIOMMU_FAULT_PART_512) && level == 2 && more >= 511) ||
           (softiommu_injected(SOFTIOMMU_FAULT_PART_UPPER) && (pages.first & inside) != 0) ||
           (softiommu_injected(SOFTIOMMU_FAULT_PART_LOWER) && (pages.last & inside) != inside);
}

static bool is_kept(bool iotlb, unsigned level, struct page_span pages)
{
    if (level == 0)
        return false;
    if (keeps_of_part(level, pages))
        return true;
    if (level == 2 && softiommu_injected(SOFTIOMMU_FAULT_KEPT_1G_ALWAYS))
        return true;
    if (softiommu_memory.invalidation.event == SOFTIOMMU_EVENT_RANGE_FLUSH &&
        softiommu_injected(SOFTIOMMU_FAULT_LARGE_PAGE_KEPT))
        return true;
    if (!iotlb && softiommu_memory.invalidation.event == SOFTIOMMU_EVENT_ATTACH &&
        softiommu_injected(SOFTIOMMU_FAULT_DEVICE_TLB_LARGE_EARLY))
        return true;
    return softiommu_injected(keeping(iotlb, level));
}

void drop_first_listed(struct cache *cache, uint16_t did, uint64_t first, uint64_t last,
                       unsigned limit)
{
    uint32_t next, i = cache->group[did & cache->group_mask].first;

    for (unsigned seen = 0; i != CACHE_NO_ENTRY && seen < limit; i = next, seen++) {
        const struct cache_entry *entry = &cache->entry[i];

        next = entry->group_next;
        if (entry->did == did && entry->page >= first && entry->page <= last)
            cache_drop_range(cache, did, entry->page, entry->page);
    }
}

/* Entries at which such a unit looks in the list of a domain; 0: at all. */
static unsigned listed_limit(bool iotlb, unsigned level)
{
    static const struct {
        enum softiommu_fault fault;
        bool iotlb;
        uint8_t levels;
        uint16_t limit;
    } limits[] = {
        {SOFTIOMMU_FAULT_IOTLB_AT_MOST_256, true, 7, 256},
        {SOFTIOMMU_FAULT_IOTLB_AT_MOST_4000, true, 7, 4000},
        {SOFTIOMMU_FAULT_IOTLB_2M_AT_MOST_500, true, 2, 500},
        {SOFTIOMMU_FAULT_DEVICE_TLB_AT_MOST_128, false, 7, 128},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++)
        if (limits[i].iotlb == iotlb && (limits[i].levels >> level & 1) != 0 &&
            softiommu_injected(limits[i].fault))
            return limits[i].limit;
    return 0;
}

static void drop_level(struct cache *cache, bool iotlb, unsigned level, uint16_t did,
                       struct page_span pages)
{
    uint64_t first = pages.first >> format_order(level), last = pages.last >> format_order(level);
    bool listed = last - first >= cache->group[did & cache->group_mask].entries;
    unsigned limit = listed ? listed_limit(iotlb, level) : 0;

    if (limit != 0) {
        drop_first_listed(cache, did, first, last, limit);
        return;
    }
    if (!listed && iotlb && last - first > 255 &&
        softiommu_injected(SOFTIOMMU_FAULT_IOTLB_BLOCK_AT_MOST_256))
        last = first + 255;
    cache_drop_range(cache, did, first, last);
}

/* Keeps what is left of a large page outside of the range, as smaller pages. */
static void keep_rest(struct tlb *tlb, const struct cache_entry *entry, unsigned level,
                      struct page_span pages)
{
    unsigned order = format_order(level - 1);

    for (uint64_t i = 0; i < BIT(FORMAT_INDEX_BITS); i++) {
        struct cache_entry part = *entry;
        uint64_t low, high;

        part.page = (entry->page << FORMAT_INDEX_BITS) + i;
        part.address = entry->address + (i << order << 12);
        low = part.page << order;
        high = low + BIT(order) - 1;
        if (high < pages.first || low > pages.last)
            cache_fill(&tlb->size[level - 1], part.did, part.page, part.address, part.flags);
        else if ((low < pages.first || high > pages.last) && level > 1)
            keep_rest(tlb, &part, level - 1, pages);
    }
}

/* Drops the range out of the large pages at its ends. */
static void drop_parts(struct tlb *tlb, uint16_t did, struct page_span pages, unsigned level)
{
    uint64_t end[2] = {pages.first >> format_order(level), pages.last >> format_order(level)};

    for (unsigned i = 0; i < 2 && level > 0; i++) {
        const struct cache_entry *entry = cache_find(&tlb->size[level], did, end[i]);
        struct cache_entry whole;

        if (entry) {
            whole = *entry;
            cache_drop_range(&tlb->size[level], did, end[i], end[i]);
            keep_rest(tlb, &whole, level, pages);
        }
    }
    cache_drop_range(&tlb->size[level], did, end[0], end[1]);
}

/* A range of several pages, without one at its ends. */
static struct page_span cut(struct page_span pages)
{
    if (pages.first == pages.last)
        return pages;
    if (softiommu_injected(SOFTIOMMU_FAULT_RANGE_FIRST))
        pages.first++;
    if (softiommu_injected(SOFTIOMMU_FAULT_RANGE_LAST))
        pages.last--;
    return pages;
}

void __wrap_tlb_drop_range(struct tlb *tlb, uint16_t did, struct page_span pages)
{
    bool range_flush = softiommu_memory.invalidation.event == SOFTIOMMU_EVENT_RANGE_FLUSH;
    bool iotlb;

    if (!softiommu_faulty) {
        __real_tlb_drop_range(tlb, did, pages);
        return;
    }
    iotlb = tlb == &softiommu_memory.invalidation.iommu->iotlb;
    did = softiommu_cached_did(did);
    if (range_flush) {
        large_fills_save(tlb, did, pages);
        pages = cut(pages);
    }
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++) {
        if (is_kept(iotlb, level, pages))
            continue;
        if (range_flush && softiommu_injected(SOFTIOMMU_FAULT_LARGE_PAGE_PART))
            drop_parts(tlb, did, pages, level);
        else
            drop_level(&tlb->size[level], iotlb, level, did, pages);
    }
    if (range_flush)
        large_fills_restore(tlb);
}

void __wrap_walk_cache_drop_range(struct walk_cache *cache, unsigned level, uint16_t did,
                                  struct page_span pages)
{
    if (!softiommu_faulty) {
        __real_walk_cache_drop_range(cache, level, did, pages);
        return;
    }
    did = softiommu_cached_did(did);
    fills_save(cache, level, did, pages);
    if (level == 1 && softiommu_injected(SOFTIOMMU_FAULT_WALK_AT_MOST_400))
        drop_first_listed(&cache->level[0], did, pages.first >> format_order(1),
                          pages.last >> format_order(1), 400);
    else if (level == 2 && softiommu_injected(SOFTIOMMU_FAULT_WALK_2_AT_MOST_100))
        drop_first_listed(&cache->level[1], did, pages.first >> format_order(2),
                          pages.last >> format_order(2), 100);
    else
        __real_walk_cache_drop_range(cache, level, did, pages);
    fills_restore(cache, level, did);
}

void __wrap_device_tlb_drop_range(struct softiommu *iommu, unsigned device, struct page_span pages)
{
    unsigned before = softiommu_memory.invalidation.device_tlbs++;

    if (!softiommu_faulty || before == 0 || !softiommu_injected(SOFTIOMMU_FAULT_DEVICE_TLB_SECOND))
        __real_device_tlb_drop_range(iommu, device, pages);
}
