/* SPDX-License-Identifier: MIT */
/* Which memory serves what, and the two public allocators. */
#include "kernel/memory.h"

#include "kernel/boot_info.h"
#include "kernel/fill.h"
#include "kernel/pool.h"
#include "kernel/regions.h"
#include "kernel/trap.h"

#define POOL_MINIMUM_START (16ull << 20)
#define POOL_LARGEST       (64ull << 20)
#define POOL_SMALLEST      (8ull << 20)
#define HIGH_START         (5ull << 30) /* the GiB below 2^30 has firmware, kernel and pool */
#define HIGH_PAGES         64u

static struct {
    uint64_t arena_start, arena_left; /* bytes, from its start on */
    uint64_t gigapage;                /* 0 = none */
    uint64_t high;                    /* HIGH_PAGES of them; 0 = none */
} memory;

/* Boot lifetime pages come from memory that boot/ took from the firmware, never from "free" memory:
 * the firmware's stack and page tables lie somewhere in there and are in use until the kernel has
 * its own. From the top down: firmware hands out memory so, and the image lies above the arena.
 * With large pages on the machine below, what is near to memory in use costs nothing at its first
 * use. */
void *memory_boot_pages(size_t pages)
{
    uint64_t size = pages * PAGE_SIZE;
    void *first;

    if (pages == 0 || size > memory.arena_left)
        panic("out of boot memory: %zu pages wanted, %zu left", pages,
              (size_t)(memory.arena_left / PAGE_SIZE));
    memory.arena_left -= size;
    first = gpa_pointer(memory.arena_start + memory.arena_left);
    fill_bytes(first, 0, size);
    return first;
}

static void choose_pool(void)
{
    uint64_t avoid_length = memory.gigapage ? SIZE_1G : 0;
    for (uint64_t size = POOL_LARGEST; size >= POOL_SMALLEST; size /= 2) {
        uint64_t base =
            regions_find(POOL_MINIMUM_START, size, SIZE_2M, memory.gigapage, avoid_length);
        if (base) {
            pool_init(base, size / PAGE_SIZE);
            return;
        }
    }
    panic("no %u MiB of contiguous free memory above 16 MiB", (unsigned)(POOL_SMALLEST >> 20));
}

void memory_arena_init(const struct boot_info *info)
{
    memory.arena_start = info->arena_start;
    memory.arena_left = info->arena_length;
}

/* With free memory on both sides, where a DMA that goes too far shows, if there is such a one. */
static uint64_t find_gigapage(void)
{
    const uint64_t first = regions_find(SIZE_1G, SIZE_1G, SIZE_1G, 0, 0);

    for (uint64_t at = first; at; at = regions_find(at + SIZE_1G, SIZE_1G, SIZE_1G, 0, 0))
        if (regions_free(at - PAGE_SIZE, SIZE_1G + 2 * PAGE_SIZE))
            return at;
    return first;
}

void memory_init(const struct boot_info *info)
{
    regions_init(info);
    memory.gigapage = find_gigapage();
    choose_pool();
    memory.high = regions_find(HIGH_START, HIGH_PAGES * PAGE_SIZE, PAGE_SIZE, memory.gigapage,
                               memory.gigapage ? SIZE_1G : 0);
}

bool memory_gigapage(uint64_t *gpa)
{
    *gpa = memory.gigapage;
    return memory.gigapage != 0;
}

void *memory_high_pages(size_t *pages)
{
    *pages = HIGH_PAGES;
    return memory.high ? gpa_pointer(memory.high) : NULL;
}

void *page_take(size_t pages, uint64_t align)
{
    return pool_take(pages, align, 0);
}

void *page_alloc(size_t pages, uint64_t align)
{
    void *first = page_take(pages, align);

    if (first)
        fill_bytes(first, 0, pages * PAGE_SIZE);
    return first;
}

void page_free(void *first, size_t pages)
{
    pool_give(first, pages, 0);
}
