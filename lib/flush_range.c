/* SPDX-License-Identifier: MIT */
#include "lib/flush_range.h"

#include <stdbool.h>

#include "lib/bits.h"

static bool wraps(uint64_t iova, uint64_t length)
{
    return length > 0 && iova + (length - 1) < iova;
}

struct flush_block flush_range_cover(uint64_t iova, uint64_t length)
{
    uint64_t first;
    uint64_t last;
    unsigned shift;

    if (length == 0 || wraps(iova, length))
        return FLUSH_BLOCK_ALL;

    first = iova >> PAGE_SHIFT;
    last = (iova + (length - 1)) >> PAGE_SHIFT;
    /* The block must include every bit in which the two differ. */
    shift = first == last ? 0 : log2_floor(first ^ last) + 1;

    return (struct flush_block){.page = align_down(first, BIT(shift)), .shift = (uint8_t)shift};
}

size_t flush_range_decompose(uint64_t iova, uint64_t length, struct flush_block *blocks, size_t max)
{
    size_t count = 0;
    uint64_t page;
    uint64_t end;

    if (length == 0)
        return 0;
    if (wraps(iova, length)) {
        if (max > 0)
            blocks[0] = FLUSH_BLOCK_ALL;
        return 1;
    }

    page = iova >> PAGE_SHIFT;
    end = ((iova + (length - 1)) >> PAGE_SHIFT) + 1;

    /* The largest block that starts here and fits is always part of a shortest list. */
    while (page < end) {
        unsigned shift = log2_floor(end - page);

        if (page != 0 && lowest_bit(page) < shift)
            shift = lowest_bit(page);
        if (count < max)
            blocks[count] = (struct flush_block){.page = page, .shift = (uint8_t)shift};
        count++;
        page += BIT(shift);
    }
    return count;
}
