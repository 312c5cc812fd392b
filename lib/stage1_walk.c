/* SPDX-License-Identifier: MIT */
#include "lib/stage1_private.h"

enum stage1_status stage1_walk(const struct stage1 *s, uint64_t iova, struct stage1_walk *walk)
{
    uint64_t *table = s->root;
    unsigned level = s->levels - 1u;
    bool writable = true;

    *walk = (struct stage1_walk){.leaf_level = level};
    if (iova >= stage1_iova_limit(s))
        return STAGE1_ERR_NOT_MAPPED;
    for (;; level--) {
        uint64_t *at = &table[entry_index(s, level, iova)];
        uint64_t entry = entry_load(at);

        walk->leaf_level = level;
        walk->entry[level] = at;
        if (!entry_is_present(s, entry))
            return STAGE1_ERR_NOT_MAPPED;
        writable &= (entry & writable_bit(s)) != 0;
        if (entry_is_leaf(s, level, entry)) {
            uint64_t size = entry_span(s, level);

            walk->present = true;
            walk->writable = writable;
            walk->page_size = size;
            walk->gpa = align_down(entry & s->format->address_mask, size) | (iova & (size - 1));
            return STAGE1_OK;
        }
        table = entry_table(s, entry);
    }
}
