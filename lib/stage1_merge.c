/* SPDX-License-Identifier: MIT */
/* Small leaves back into a superpage. A walk that still runs through the old table finds the same
 * translation there. */
#include "lib/stage1_private.h"

/* The present table entry of `level` over iova; NULL when there is none. */
static uint64_t *find_table_entry(const struct stage1 *s, uint64_t iova, unsigned level)
{
    uint64_t *table = s->root;

    for (unsigned at_level = s->levels - 1u;; at_level--) {
        uint64_t *at = &table[entry_index(s, at_level, iova)];
        uint64_t entry = entry_load(at);

        if (!entry_is_present(s, entry) || entry_is_leaf(s, at_level, entry))
            return NULL;
        if (at_level == level)
            return at;
        table = entry_table(s, entry);
    }
}

/* Hardware may set it in each entry that it uses: extended accessed (VT-d 9.7). */
#define EXTENDED_ACCESSED (UINT64_C(1) << 10)

/* Every entry is a leaf, as the first one but one page further each. */
static bool is_uniform(const struct stage1 *s, const uint64_t *table, unsigned level)
{
    uint64_t expected = entry_load(&table[0]) & ~EXTENDED_ACCESSED;

    if (!entry_is_present(s, expected) || !entry_is_leaf(s, level, expected))
        return false;
    for (unsigned i = 1; i < entry_count(s, level); i++) {
        expected += entry_span(s, level);
        if ((entry_load(&table[i]) & ~EXTENDED_ACCESSED) != expected)
            return false;
    }
    return true;
}

enum stage1_status stage1_merge(struct stage1 *s, uint64_t iova, unsigned level,
                                struct stage1_freed *freed)
{
    uint64_t *at;
    uint64_t *table;
    uint64_t first;

    if (iova >= stage1_iova_limit(s))
        return STAGE1_ERR_RANGE;
    if (level == 0 || level >= s->levels || (s->page_sizes & entry_span(s, level)) == 0)
        return STAGE1_ERR_FORMAT;

    at = find_table_entry(s, iova, level);

    if (!at)
        return STAGE1_ERR_NOT_MAPPED;

    table = entry_table(s, entry_load(at));
    first = entry_load(&table[0]);

    if (!is_uniform(s, table, level - 1) ||
        !is_aligned(first & s->format->address_mask, entry_span(s, level)))
        return STAGE1_ERR_NOT_MAPPED;
    if (freed->merged_count == STAGE1_MERGED_MAX)
        return STAGE1_ERR_NO_MEMORY;
    entry_store(at, (first & ~s->format->level[level - 1].leaf_bits) |
                        s->format->level[level].leaf_bits);
    freed->merged[freed->merged_count++] = table;
    freed->count++;
    s->tables--;
    return STAGE1_OK;
}
