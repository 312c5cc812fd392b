/* SPDX-License-Identifier: MIT */
#include "host/softiommu/page_cache.h"

/* 4 KiB pages in a page of a level, as a power of two. */
static unsigned level_order(unsigned level)
{
    return FORMAT_INDEX_BITS * level;
}

void page_cache_init(struct page_cache *cache, struct arena *arena, uint32_t entries, uint32_t groups,
                     struct dice *dice)
{
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++)
        cache_init(&cache->size[level], arena, entries, groups, dice, &cache->statistics);
}

bool page_cache_find(const struct page_cache *cache, uint16_t tag, uint64_t iova, struct leaf *leaf)
{
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++) {
        const struct cache_entry *entry = cache_find(&cache->size[level], tag, iova >> 12 >> level_order(level));

        if (entry != NULL) {
            *leaf = (struct leaf){.gpa = entry->address, .level = level, .flags = entry->flags};
            return true;
        }
    }
    return false;
}

void page_cache_fill(struct page_cache *cache, uint16_t tag, uint64_t iova, const struct leaf *leaf)
{
    cache_fill(&cache->size[leaf->level], tag, iova >> 12 >> level_order(leaf->level), leaf->gpa, leaf->flags);
}

/* Keeps what is left of a large page outside of first..last as smaller pages (SOFTIOMMU_OMIT_LARGE_PAGE_PART). */
static void keep_rest(struct page_cache *cache, const struct cache_entry *entry, unsigned level, uint64_t first,
                      uint64_t last)
{
    unsigned order = level_order(level - 1);

    for (uint64_t i = 0; i < BIT(FORMAT_INDEX_BITS); i++) {
        struct cache_entry part = *entry;
        uint64_t low, high;

        part.page = (entry->page << FORMAT_INDEX_BITS) + i;
        part.address = entry->address + (i << order << 12);
        low = part.page << order;
        high = low + BIT(order) - 1;
        if (high < first || low > last)
            cache_fill(&cache->size[level - 1], part.tag, part.page, part.address, part.flags);
        else if ((low < first || high > last) && level > 1)
            keep_rest(cache, &part, level - 1, first, last);
    }
}

static void drop_level(struct page_cache *cache, uint16_t tag, uint64_t first, uint64_t last, unsigned level,
                       enum large_pages large)
{
    uint64_t end[2] = {first >> level_order(level), last >> level_order(level)};
    struct cache_entry cut[2];
    bool is_cut[2] = {false, false};

    if (level > 0 && large == LARGE_PAGES_KEPT)
        return;
    for (unsigned i = 0; i < 2 && level > 0 && large == LARGE_PAGES_PART; i++) {
        const struct cache_entry *entry = cache_find(&cache->size[level], tag, end[i]);

        is_cut[i] = entry != NULL && (i == 0 || end[0] != end[1]);
        if (is_cut[i])
            cut[i] = *entry;
    }
    cache_drop_range(&cache->size[level], tag, end[0], end[1]);
    for (unsigned i = 0; i < 2; i++) {
        if (is_cut[i])
            keep_rest(cache, &cut[i], level, first, last);
    }
}

void page_cache_drop_range(struct page_cache *cache, uint16_t tag, uint64_t first, uint64_t last,
                           enum large_pages large, unsigned kept)
{
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++) {
        if ((kept >> level & 1) == 0)
            drop_level(cache, tag, first, last, level, large);
    }
}

void page_cache_drop_tag(struct page_cache *cache, uint16_t tag, unsigned kept)
{
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++) {
        if ((kept >> level & 1) == 0)
            cache_drop_tag(&cache->size[level], tag);
    }
}
