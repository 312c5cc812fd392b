/* SPDX-License-Identifier: MIT */
#include "host/softiommu/format.h"

#define LEVEL_4K                                                                                   \
    {                                                                                              \
        .shift = 12, .leaf = true, .leaf_address = BITS(51, 12)                                    \
    }
#define LEVEL_2M                                                                                   \
    {                                                                                              \
        .shift = 21, .leaf = true, .leaf_address = BITS(51, 21), .leaf_zero = BITS(20, 13)         \
    }
#define LEVEL_1G                                                                                   \
    {                                                                                              \
        .shift = 30, .leaf = true, .leaf_address = BITS(51, 30), .leaf_zero = BITS(29, 13)         \
    }

static const struct format four_level = {
    .levels = 4,
    .bits = 48,
    .level = {LEVEL_4K, LEVEL_2M, LEVEL_1G, {.shift = 39}},
};
static const struct format five_level = {
    .levels = 5,
    .bits = 57,
    .level = {LEVEL_4K, LEVEL_2M, LEVEL_1G, {.shift = 39}, {.shift = 48}},
};

const struct format *format_for(unsigned levels)
{
    return levels == 5 ? &five_level : &four_level;
}

bool format_is_leaf(const struct format *format, unsigned level, uint64_t entry)
{
    return format->level[level].leaf && (level == 0 || (entry & ENTRY_PS) != 0);
}

uint64_t format_reserved(const struct format *format, unsigned level, uint64_t entry,
                         unsigned physical_bits, uint64_t page_sizes)
{
    const struct format_level *l = &format->level[level];
    uint64_t zero = ENTRY_TABLE & ~(BIT(physical_bits) - 1);

    if (level != 0 && (!l->leaf || (page_sizes & BIT(l->shift)) == 0))
        zero |= ENTRY_PS;
    if (format_is_leaf(format, level, entry))
        zero |= l->leaf_zero;
    return entry & zero;
}
