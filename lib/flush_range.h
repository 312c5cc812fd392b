/* SPDX-License-Identifier: MIT */
/*
 * From an IOVA range to the elements of FLUSH_DEVICE_DOMAIN_LIST: blocks of 2^shift pages, aligned
 * to their size (reference 3.9).
 */
#ifndef PVT_LIB_FLUSH_RANGE_H
#define PVT_LIB_FLUSH_RANGE_H

#include <stddef.h>
#include <stdint.h>

struct flush_block {
    uint64_t page; /* IOVA >> 12, aligned to 1 << shift */
    uint8_t shift; /* 0..52 */
};

/* The whole 64-bit IOVA space as one block, as the merged Linux driver encodes it. */
#define FLUSH_BLOCK_ALL ((struct flush_block){.page = 0, .shift = 52})

/* The smallest single block that covers [iova, iova + length); FLUSH_BLOCK_ALL for an empty or
 * wrapping range. */
struct flush_block flush_range_cover(uint64_t iova, uint64_t length);

/* Splits [iova, iova + length), widened to whole pages, into the fewest aligned blocks. Writes at
 * most `max` of them and returns how many would be needed, so a result above `max` means "flush the
 * domain instead". An empty range has none; a range that wraps is FLUSH_BLOCK_ALL. */
size_t flush_range_decompose(uint64_t iova, uint64_t length, struct flush_block *blocks,
                             size_t max);

#endif
