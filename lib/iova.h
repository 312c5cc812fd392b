/* SPDX-License-Identifier: MIT */
/*
 * IOVA allocator: power-of-two sized, naturally aligned ranges inside a window, never touching a
 * reserved range. Freestanding; bookkeeping lives in memory that the owner passes in.
 */
#ifndef PVT_LIB_IOVA_H
#define PVT_LIB_IOVA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* x86 MSI doorbells: writes there are interrupts and are never translated (reference 5, TR-13). */
#define IOVA_MSI_FIRST 0xFEE00000ull
#define IOVA_MSI_LAST  0xFEEFFFFFull

struct iova_range {
    uint64_t start, length; /* bytes; length 0 = free slot */
};

struct iova_allocator {
    uint64_t first, limit;   /* usable IOVAs are [first, limit) */
    struct iova_range *busy; /* sorted by start */
    size_t busy_count, busy_max;
};

/* `first` and `limit` are rounded inwards to 4 KiB; storage[storage_count] must outlive the
 * allocator. The MSI window is reserved. */
void iova_init(struct iova_allocator *a, uint64_t first, uint64_t limit, struct iova_range *storage,
               size_t storage_count);
/* Lowest free range of `length` bytes (rounded up to 4 KiB), aligned to its rounded-up power of
 * two. False when full.
 */
bool iova_alloc(struct iova_allocator *a, uint64_t length, uint64_t *iova);
/* Takes exactly [iova, iova + length). False when any of it is busy, reserved or outside. */
bool iova_alloc_at(struct iova_allocator *a, uint64_t iova, uint64_t length);
/* False when no range starts at iova. */
bool iova_free(struct iova_allocator *a, uint64_t iova);

#endif
