/* SPDX-License-Identifier: MIT */
/* Superpages into smaller leaves. The translation stays the same at every moment, so no flush is
 * due for it. */
#include "lib/stage1_private.h"

/* The superpage leaf over iova: its entry and level. NULL when there is none (absent, or a 4 KiB
 * leaf). */
static uint64_t *find_superpage(const struct stage1 *s, uint64_t iova, unsigned *leaf_level)
{
    uint64_t *table = s->root;

    for (unsigned level = s->levels - 1u; level > 0; level--) {
        uint64_t *at = &table[entry_index(s, level, iova)];
        uint64_t entry = entry_load(at);

        if (!entry_is_present(s, entry))
            return NULL;
        if (entry_is_leaf(s, level, entry)) {
            *leaf_level = level;
            return at;
        }
        table = entry_table(s, entry);
    }
    return NULL;
}

/* `at` is a leaf of `level` > 0 over iova. */
static enum stage1_status split_leaf(struct stage1 *s, uint64_t *at, unsigned level, uint64_t iova)
{
    uint64_t entry = entry_load(at);
    uint64_t span = entry_span(s, level);
    uint64_t gpa = align_down(entry & s->format->address_mask, span);
    uint64_t bits = entry & ~s->format->address_mask & ~s->format->level[level].leaf_bits;
    struct stage1_plan plan = stage1_plan(s, align_down(iova, span), gpa, bits, level);
    struct stage1_reserve reserve;

    iova = align_down(iova, span);
    /* full_tables[] is for the largest leaves below `level`, which are the next smaller size. */
    if (!stage1_reserve_tables(s, plan.full_tables[level], &reserve))
        return STAGE1_ERR_NO_MEMORY;
    entry_store(
        at, table_entry(s, stage1_build_table(s, &plan, level - 1, iova, iova + span, &reserve)));
    return STAGE1_OK;
}

enum stage1_status stage1_split(struct stage1 *s, uint64_t iova)
{
    unsigned level;
    uint64_t *at;

    if (iova >= stage1_iova_limit(s))
        return STAGE1_ERR_RANGE;

    at = find_superpage(s, iova, &level);

    return !at ? STAGE1_ERR_NOT_MAPPED : split_leaf(s, at, level, iova);
}

/* Splits until a leaf ends at `edge`, which is below the limit. */
static enum stage1_status split_edge(struct stage1 *s, uint64_t edge)
{
    enum stage1_status status = STAGE1_OK;

    while (status == STAGE1_OK) {
        unsigned level;
        uint64_t *at = find_superpage(s, edge, &level);

        if (!at || is_aligned(edge, entry_span(s, level)))
            break;
        status = split_leaf(s, at, level, edge);
    }
    return status;
}

enum stage1_status stage1_split_edges(struct stage1 *s, uint64_t iova, uint64_t end)
{
    uint64_t largest =
        BIT(log2_floor(s->page_sizes)); /* divides the limit, so that `end` may be the limit */
    enum stage1_status status = is_aligned(iova, largest) ? STAGE1_OK : split_edge(s, iova);

    return status != STAGE1_OK || is_aligned(end, largest) ? status : split_edge(s, end);
}
