/* SPDX-License-Identifier: MIT */
#include "lib/bits.h"
#include "lib/stage1.h"

#define X86_PRESENT   BIT(0)
#define X86_WRITABLE  BIT(1)
#define X86_USER      BIT(2) /* DMA requests count as user accesses */
#define X86_ACCESSED  BIT(5)
#define X86_DIRTY     BIT(6)
#define X86_PAGE_SIZE BIT(7)

/* A and D are set from the start, so that no IOMMU has to write into the tables (reference 5). */
const struct stage1_format stage1_format_x86_64 = {
    .name = "x86_64",
    .levels_min = 4,
    .levels_max = 5,
    .level =
        {
            {.shift = 12, .index_bits = 9, .leaf_allowed = true, .leaf_bits = 0},
            {.shift = 21, .index_bits = 9, .leaf_allowed = true, .leaf_bits = X86_PAGE_SIZE},
            {.shift = 30, .index_bits = 9, .leaf_allowed = true, .leaf_bits = X86_PAGE_SIZE},
            {.shift = 39, .index_bits = 9, .leaf_allowed = false, .leaf_bits = 0},
            {.shift = 48, .index_bits = 9, .leaf_allowed = false, .leaf_bits = 0},
        },
    .present = X86_PRESENT,
    .address_mask = BITS(51, 12),
    .table_bits = X86_PRESENT | X86_WRITABLE | X86_USER | X86_ACCESSED,
    .leaf_bits = X86_PRESENT | X86_USER | X86_ACCESSED,
    .write_bits = X86_WRITABLE | X86_DIRTY,
};
