/* SPDX-License-Identifier: MIT */
#include "host/iommu/io_table.h"

#include "host/base/memory.h"
#include "lib/string.h"

#define ENTRIES   512u
#define TOP_LEVEL 3u /* level 0 holds 4 KiB leaves */

#define ENTRY_PRESENT  (UINT64_C(1) << 0)
#define ENTRY_WRITE    (UINT64_C(1) << 1)
#define ENTRY_USER     (UINT64_C(1) << 2) /* required at every level: all requests count as user accesses */
#define ENTRY_ACCESSED (UINT64_C(1) << 5) /* preset A and D: the unit then never writes to these tables */
#define ENTRY_DIRTY    (UINT64_C(1) << 6)
#define ENTRY_LARGE    (UINT64_C(1) << 7)
#define ENTRY_ADDRESS  UINT64_C(0x000FFFFFFFFFF000)

#define ENTRY_READ_LEAF (ENTRY_PRESENT | ENTRY_USER | ENTRY_ACCESSED)
#define ENTRY_TABLE     (ENTRY_READ_LEAF | ENTRY_WRITE)
#define ENTRY_LEAF      (ENTRY_READ_LEAF | ENTRY_WRITE | ENTRY_DIRTY)

#define SIZE_4K UINT64_C(0x1000)
#define SIZE_2M UINT64_C(0x200000)
#define SIZE_1G UINT64_C(0x40000000)

/* A leaf whose output touches this window faults for every access through it (QEMU: reason 0x87). */
#define INTERRUPT_WINDOW     UINT64_C(0xFEE00000)
#define INTERRUPT_WINDOW_END UINT64_C(0xFEF00000)

static unsigned index_at(uint64_t address, unsigned level)
{
    return (unsigned)(address >> (12 + 9 * level)) % ENTRIES;
}

static void map_leaf(uint64_t *table, uint64_t address, unsigned leaf_level)
{
    for (unsigned level = TOP_LEVEL; level > leaf_level; level--) {
        uint64_t *entry = &table[index_at(address, level)];

        if (*entry == 0)
            *entry = (uintptr_t)host_pages(1) | ENTRY_TABLE;
        table = (uint64_t *)(uintptr_t)(*entry & ENTRY_ADDRESS);
    }
    table[index_at(address, leaf_level)] = address | ENTRY_LEAF | (leaf_level != 0 ? ENTRY_LARGE : 0);
}

static void map_range(uint64_t *top, uint64_t start, uint64_t end)
{
    while (start < end) {
        bool large = start % SIZE_2M == 0 && end - start >= SIZE_2M;
        uint64_t size = large ? SIZE_2M : SIZE_4K;

        map_leaf(top, start, large ? 1 : 0);
        start += size;
    }
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* All of [start, end) but the interrupt window. Bounds are multiples of 4 KiB. */
static void map_outside_window(uint64_t *top, uint64_t start, uint64_t end)
{
    map_range(top, start, lower(end, INTERRUPT_WINDOW));
    map_range(top, higher(start, INTERRUPT_WINDOW_END), end);
}

uint64_t io_table_guest_ram(unsigned bits)
{
    uint64_t *top = host_pages(1);
    size_t count;
    const struct guest_range *range = guest_ram(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t start = (range[i].start + SIZE_4K - 1) & ~(SIZE_4K - 1);
        uint64_t end = lower(range[i].start + range[i].length, UINT64_C(1) << bits) & ~(SIZE_4K - 1);

        map_outside_window(top, start, end);
    }
    return (uintptr_t)top;
}

uint64_t io_table_all(uint64_t end)
{
    uint64_t *top = host_pages(1);

    map_outside_window(top, 0, lower(end, 4 * SIZE_1G));
    for (uint64_t address = 4 * SIZE_1G; address < end; address += SIZE_1G)
        map_leaf(top, address, 2);
    return (uintptr_t)top;
}

uint64_t io_table_foreign_page(void)
{
    uint64_t *page = host_pages(1);
    uint64_t entry = (uintptr_t)page | ENTRY_READ_LEAF;

    memset(page, 0x3C, SIZE_4K);
    for (unsigned level = 0; level <= TOP_LEVEL; level++) {
        uint64_t *table = host_pages(1);

        for (unsigned i = 0; i < ENTRIES; i++)
            table[i] = entry;
        entry = (uintptr_t)table | ENTRY_TABLE;
    }
    return entry & ENTRY_ADDRESS;
}
