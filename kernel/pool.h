/* SPDX-License-Identifier: MIT */
/* The pool of page_alloc() and buffer_alloc(): contiguous pages of test lifetime. */
#ifndef PVT_KERNEL_POOL_H
#define PVT_KERNEL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void pool_init(uint64_t base, size_t pages);

/* `pages` pages, the first one aligned, with `guards` guard pages on either side. The content of
 * the pages is undefined, guards hold POISON_GUARD. NULL when there is no room. */
void *pool_take(size_t pages, uint64_t align, size_t guards);
/* Gives pages with their guards back and poisons them. Misuse is kept as damage for
 * memory_test_end(). */
void pool_give(void *first, size_t pages, size_t guards);

#endif
