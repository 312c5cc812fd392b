/* SPDX-License-Identifier: MIT */
/* x86-64 first-stage tables as data: what each level translates, and what the bits of an entry mean
 * (Reference 5). */
#ifndef PVT_HOST_SOFTIOMMU_FORMAT_H
#define PVT_HOST_SOFTIOMMU_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"

#define FORMAT_LEVELS_MAX  5u
#define FORMAT_LEAF_LEVELS 3u /* 4 KiB, 2 MiB, 1 GiB */
#define FORMAT_INDEX_BITS  9u

struct format_level {
    uint8_t shift;         /* lowest IOVA bit of the index; an entry spans 1 << shift bytes */
    bool leaf;             /* an entry may be a leaf (above level 0: when the size is offered) */
    uint64_t leaf_address; /* address bits of a leaf */
    uint64_t leaf_zero; /* address bits that must be zero in a leaf; bit 12 of a large one is PAT */
};

/* levels - 1 is the level of the top table, 0 that of 4 KiB leaves. */
struct format {
    unsigned levels, bits; /* bits of IOVA that the tables translate */
    struct format_level level[FORMAT_LEVELS_MAX];
};

#define ENTRY_PRESENT  BIT(0)
#define ENTRY_WRITE    BIT(1)
#define ENTRY_USER     BIT(2)
#define ENTRY_ACCESSED BIT(5)
#define ENTRY_EXTENDED BIT(10) /* extended accessed */
#define ENTRY_DIRTY    BIT(6)
#define ENTRY_PS       BIT(7)       /* PAT at level 0 */
#define ENTRY_TABLE    BITS(51, 12) /* address of the next table */
#define ENTRY_XD       BIT(63)

/* `levels`: 4 or 5. */
const struct format *format_for(unsigned levels);
/* PS at a level that has leaves, or any entry at level 0. */
bool format_is_leaf(const struct format *format, unsigned level, uint64_t entry);
/* Bits of this entry that must be zero and are not. */
uint64_t format_reserved(const struct format *format, unsigned level, uint64_t entry,
                         unsigned physical_bits, uint64_t page_sizes);

/* Pages of 4 KiB that an entry of a level spans, as a power of two. */
static inline unsigned format_order(unsigned level)
{
    return FORMAT_INDEX_BITS * level;
}

/* Bytes that an entry of a level spans. */
static inline uint64_t format_size(unsigned level)
{
    return BIT(12 + format_order(level));
}

static inline unsigned format_index(const struct format *format, unsigned level, uint64_t iova)
{
    return (unsigned)(iova >> format->level[level].shift) & ((1u << FORMAT_INDEX_BITS) - 1);
}

#endif
