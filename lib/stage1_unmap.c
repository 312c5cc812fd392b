/* SPDX-License-Identifier: MIT */
#include "lib/stage1_private.h"

/* No walker may find anything through the chain word: a table address has the present bit clear. */
static void chain_freed(struct stage1 *s, struct stage1_freed *freed, uint64_t *table)
{
    entry_store(table, (uint64_t)(uintptr_t)freed->head);
    freed->head = table;
    freed->count++;
    s->tables--;
}

/* Entries [first, last] were just cleared. Looks outwards from them, because what is mapped next to
 * an unmapped page is most often its neighbor. */
static bool is_empty_around(const uint64_t *table, unsigned count, unsigned first, unsigned last)
{
    while (first > 0 || last + 1 < count) {
        if (first > 0 && entry_load(&table[--first]) != 0)
            return false;
        if (last + 1 < count && entry_load(&table[++last]) != 0)
            return false;
    }
    return true;
}

/* Returns how many were present. Sums the present bits as they stand, which spares the loop a
 * branch. */
static size_t clear_pages(const struct stage1 *s, uint64_t *entry, size_t count)
{
    uint64_t present = s->format->present;
    uint64_t sum = 0;

    for (const uint64_t *end = entry + count; entry < end; entry++) {
        sum += entry_load(entry) & present;
        entry_store(entry, 0);
    }
    return sum >> lowest_bit(present);
}

/* No leaf reaches across the edges of [iova, end). True when the table is empty afterwards. */
static bool clear(struct stage1 *s, uint64_t *table, unsigned level, uint64_t iova, uint64_t end,
                  struct stage1_freed *freed, uint64_t *unmapped)
{
    uint64_t span = entry_span(s, level);
    unsigned first = entry_index(s, level, iova), last = entry_index(s, level, end - 1);
    bool empty;

    if (level == 0) {
        *unmapped += clear_pages(s, &table[first], last - first + 1) * span;
        return is_empty_around(table, entry_count(s, level), first, last);
    }

    empty = true;

    for (unsigned i = first; i <= last; i++) {
        uint64_t entry = entry_load(&table[i]);
        uint64_t next = align_down(iova, span) + span;

        if (next > end)
            next = end;
        if (!entry_is_present(s, entry)) {
            if (entry != 0)
                entry_store(&table[i],
                            0); /* written without this library; a freed table holds zeroes only */
        } else if (entry_is_leaf(s, level, entry)) {
            entry_store(&table[i], 0);
            *unmapped += span;
        } else {
            uint64_t *below = entry_table(s, entry);

            if (clear(s, below, level - 1, iova, next, freed, unmapped) && freed) {
                entry_store(&table[i], 0);
                chain_freed(s, freed, below);
            } else {
                empty = false;
            }
        }
        iova = next;
    }
    return empty && is_empty_around(table, entry_count(s, level), first, last);
}

enum stage1_status stage1_unmap(struct stage1 *s, uint64_t iova, uint64_t length,
                                struct stage1_freed *freed, uint64_t *unmapped)
{
    enum stage1_status status = stage1_check_range(s, iova, length);
    uint64_t bytes = 0;

    if (status == STAGE1_OK)
        status = stage1_split_edges(s, iova, iova + length);
    if (status == STAGE1_OK)
        (void)clear(s, s->root, s->levels - 1u, iova, iova + length, freed, &bytes);
    if (unmapped)
        *unmapped = bytes;
    return status;
}

size_t stage1_release(struct stage1 *s, struct stage1_freed *freed)
{
    size_t released = freed->count;

    while (freed->head) {
        void **table = freed->head;

        freed->head = *table;
        s->memory.free_table(s->memory.owner, table);
    }
    while (freed->merged_count > 0)
        s->memory.free_table(s->memory.owner, freed->merged[--freed->merged_count]);
    freed->count = 0;
    return released;
}
