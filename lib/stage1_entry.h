/* SPDX-License-Identifier: MIT */
/*
 * One entry of a stage-1 table: reading, writing, classifying. Private to lib/stage1*.c.
 *
 * The IOMMU walks the tables while they change, so an entry is read and written as a whole, and a
 * write is a release: whatever was stored into a table before is visible to a walker that sees the
 * entry which leads to it.
 */
#ifndef PVT_LIB_STAGE1_ENTRY_H
#define PVT_LIB_STAGE1_ENTRY_H

#include "lib/bits.h"
#include "lib/stage1.h"

static inline uint64_t entry_load(const uint64_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

static inline void entry_store(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static inline bool entry_is_present(const struct stage1 *s, uint64_t entry)
{
    return (entry & s->format->present) != 0;
}

/* Of a present entry. */
static inline bool entry_is_leaf(const struct stage1 *s, unsigned level, uint64_t entry)
{
    const struct stage1_level *l = &s->format->level[level];

    return level == 0 || (l->leaf_allowed && (entry & l->leaf_bits) != 0);
}

static inline uint64_t *entry_table(const struct stage1 *s, uint64_t entry)
{
    return s->memory.table_at(s->memory.owner, entry & s->format->address_mask);
}

static inline uint64_t table_entry(const struct stage1 *s, const uint64_t *table)
{
    return s->memory.gpa_of(s->memory.owner, table) | s->format->table_bits;
}

/* The bits of a leaf besides its address and its level. */
static inline uint64_t prot_bits(const struct stage1 *s, unsigned prot)
{
    return s->format->leaf_bits | ((prot & STAGE1_WRITE) != 0 ? s->format->write_bits : 0);
}

/* The permission bit that counts at every level: a leaf and a table share it. */
static inline uint64_t writable_bit(const struct stage1 *s)
{
    return s->format->write_bits & s->format->table_bits;
}

/* Bytes of IOVA under one entry of `level`. */
static inline uint64_t entry_span(const struct stage1 *s, unsigned level)
{
    return BIT(s->format->level[level].shift);
}

static inline unsigned entry_count(const struct stage1 *s, unsigned level)
{
    return 1u << s->format->level[level].index_bits;
}

static inline unsigned entry_index(const struct stage1 *s, unsigned level, uint64_t iova)
{
    return (unsigned)(iova >> s->format->level[level].shift) & (entry_count(s, level) - 1);
}

#endif
