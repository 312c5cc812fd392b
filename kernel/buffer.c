/* SPDX-License-Identifier: MIT */
/* DMA targets: a transfer that is one byte too long, or off by a page, changes a guard. */
#include "kernel/fill.h"
#include "kernel/memory.h"
#include "kernel/pool.h"

#define GUARD_PAGES 1

bool buffer_alloc(struct buffer *b, size_t size, uint64_t align)
{
    size_t pages;
    uint8_t *data;

    *b = (struct buffer){0};
    if (size == 0 || size > SIZE_MAX - PAGE_SIZE)
        return false;
    pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
    data = pool_take(pages, align, GUARD_PAGES);
    if (!data)
        return false;
    b->data = data;
    b->size = pages * PAGE_SIZE;
    fill_bytes(b->data, POISON_FRESH, b->size);
    return true;
}

void buffer_free(struct buffer *b)
{
    if (!b->data)
        return;
    pool_give(b->data, b->size / PAGE_SIZE, GUARD_PAGES);
    *b = (struct buffer){0};
}

const uint8_t *buffer_damaged_guard(const struct buffer *b)
{
    const size_t guard = GUARD_PAGES * PAGE_SIZE;
    const uint8_t *below = memory_find_other(b->data - guard, guard, POISON_GUARD);
    return below ? below : memory_find_other(b->data + b->size, guard, POISON_GUARD);
}
