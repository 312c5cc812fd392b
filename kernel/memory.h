/* SPDX-License-Identifier: MIT */
/*
 * Memory of the guest image. Virtual address == guest-physical address for all RAM (the kernel's
 * own tables are an identity map without any page that is both writable and executable).
 *
 * Two lifetimes: boot (never freed) and test (everything a test allocates is taken back and
 * repoisoned when it ends, so that no test sees another's data). Free test pages hold POISON_FREE.
 */
#ifndef PVT_KERNEL_MEMORY_H
#define PVT_KERNEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

struct boot_info;
struct memory_region;

#define SIZE_2M (2ull << 20)
#define SIZE_1G (1ull << 30)

#define POISON_FREE  0xF5 /* byte in every free page of the test pool */
#define POISON_GUARD 0x5C /* byte in the guard pages around a buffer */
#define POISON_FRESH 0xA7 /* byte in a buffer that was just handed out */

/* From here on memory_boot_pages() works. May run while the firmware is still in charge. */
void memory_arena_init(const struct boot_info *info);
void memory_init(const struct boot_info *info);

/* Boot lifetime: zeroed, page aligned, never freed. Panics when memory is out. */
void *memory_boot_pages(size_t pages);

/* Test lifetime: `pages` contiguous zeroed pages, aligned to `align` bytes (a power of two >= 4
 * KiB). NULL when out. */
void *page_alloc(size_t pages, uint64_t align);
/* The same, with contents of any kind: for pages that their owner fills. */
void *page_take(size_t pages, uint64_t align);
/* Puts them back and fills them with POISON_FREE at once, so that stale use is visible. */
void page_free(void *first, size_t pages);

static inline uint64_t gpa_of(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

static inline void *gpa_pointer(uint64_t gpa)
{
    return (void *)(uintptr_t)gpa;
}

/* A DMA target: whole pages, with at least one guard page before and after that hold POISON_GUARD.
 */
struct buffer {
    uint8_t *data; /* page aligned (or `align`), filled with POISON_FRESH */
    size_t size;   /* bytes, a multiple of 4 KiB */
};

/* False when memory is out. Freed by memory_test_end(); buffer_free() gives it back earlier (and
 * poisons it). */
bool buffer_alloc(struct buffer *b, size_t size, uint64_t align);
void buffer_free(struct buffer *b);
/* NULL when both guards are intact, else the first byte that changed. */
const uint8_t *buffer_damaged_guard(const struct buffer *b);
/* First byte in [data+from, data+to) that differs from `value`; NULL when none. */
const uint8_t *memory_find_other(const uint8_t *from, size_t length, uint8_t value);

/* A 1 GiB aligned GiB that is RAM from end to end and not used by any allocator: only its pages
 * that a test touches matter. One with free memory on both sides, if there is such a one. False
 * when the machine has none. */
bool memory_gigapage(uint64_t *gpa);

/* Pages of RAM above 4 GiB that no allocator uses, and their number; NULL when the machine has
 * none. The same addresses without their bits above 31 are no memory that anything else uses. */
void *memory_high_pages(size_t *pages);

/* True when all of [gpa, gpa + length) is RAM that this image owns. */
bool memory_is_ours(uint64_t gpa, uint64_t length);
/* A page-aligned GPA that no memory map entry covers and that is below the physical address width
 * (nothing answers there). */
uint64_t memory_hole(void);
/* The firmware's memory map, as boot/ has sorted it; valid for the whole run. */
const struct memory_region *memory_regions(size_t *count);
/* Number of physical address bits the processor reports. */
unsigned memory_physical_bits(void);

/* Called by the harness around each test. memory_test_end() checks all guard pages and the poison
 * of pages freed during the test; returns NULL, or a sentence that says what was damaged (with the
 * address in *where). */
void memory_test_begin(void);
const char *memory_test_end(uint64_t *where);

#endif
