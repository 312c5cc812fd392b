/* SPDX-License-Identifier: MIT */
#include "lib/stage1_private.h"

static void protect_leaf(const struct stage1 *s, uint64_t *at, uint64_t entry, uint64_t bits)
{
    entry_store(at, (entry & ~(s->format->leaf_bits | s->format->write_bits)) | bits);
}

static void protect_pages(const struct stage1 *s, uint64_t *at, size_t count, uint64_t bits)
{
    for (const uint64_t *end = at + count; at < end; at++) {
        uint64_t entry = entry_load(at);

        if (entry_is_present(s, entry))
            protect_leaf(s, at, entry, bits);
    }
}

/* No leaf reaches across the edges of [iova, end). */
static void protect(const struct stage1 *s, uint64_t *table, unsigned level, uint64_t iova,
                    uint64_t end, uint64_t bits)
{
    uint64_t span = entry_span(s, level);

    if (level == 0) {
        protect_pages(s, &table[entry_index(s, 0, iova)], (end - iova) / span, bits);
        return;
    }
    for (uint64_t next; iova < end; iova = next) {
        uint64_t *at = &table[entry_index(s, level, iova)];
        uint64_t entry = entry_load(at);

        next = align_down(iova, span) + span;
        if (next > end)
            next = end;
        if (!entry_is_present(s, entry))
            continue;
        if (entry_is_leaf(s, level, entry))
            protect_leaf(s, at, entry, bits);
        else
            protect(s, entry_table(s, entry), level - 1, iova, next, bits);
    }
}

enum stage1_status stage1_protect(struct stage1 *s, uint64_t iova, uint64_t length, unsigned prot)
{
    enum stage1_status status = stage1_check_range(s, iova, length);

    if (status == STAGE1_OK)
        status = stage1_check_prot(prot);
    if (status == STAGE1_OK)
        status = stage1_split_edges(s, iova, iova + length);
    if (status == STAGE1_OK)
        protect(s, s->root, s->levels - 1u, iova, iova + length, prot_bits(s, prot));
    return status;
}
