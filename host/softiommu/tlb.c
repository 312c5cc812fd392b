/* SPDX-License-Identifier: MIT */
#include "host/softiommu/tlb.h"

void tlb_init(struct tlb *tlb, struct arena *arena, uint32_t entries, uint32_t groups,
              struct prng *prng)
{
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++)
        cache_init(&tlb->size[level], arena, entries, groups, prng, &tlb->statistics);
}

bool tlb_find(const struct tlb *tlb, uint16_t did, uint64_t iova, struct leaf *leaf)
{
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++) {
        const struct cache_entry *entry =
            cache_find(&tlb->size[level], did, iova >> 12 >> format_order(level));

        if (entry) {
            *leaf = (struct leaf){.gpa = entry->address, .level = level, .flags = entry->flags};
            return true;
        }
    }
    return false;
}

void tlb_fill(struct tlb *tlb, uint16_t did, uint64_t iova, const struct leaf *leaf)
{
    cache_fill(&tlb->size[leaf->level], did, iova >> 12 >> format_order(leaf->level), leaf->gpa,
               leaf->flags);
}

void tlb_drop_range(struct tlb *tlb, uint16_t did, struct page_span pages)
{
    for (unsigned level = 0; level < FORMAT_LEAF_LEVELS; level++)
        cache_drop_range(&tlb->size[level], did, pages.first >> format_order(level),
                         pages.last >> format_order(level));
}
