/* SPDX-License-Identifier: MIT */
#include "host/iommu/io_table.h"

#include "host/base/memory.h"

#define SIZE_4K UINT64_C(0x1000)
#define SIZE_2M UINT64_C(0x200000)

/* A leaf whose output touches this window faults for every access through it (QEMU: reason 0x87).
 */
#define INTERRUPT_WINDOW     UINT64_C(0xFEE00000)
#define INTERRUPT_WINDOW_END UINT64_C(0xFEF00000)

static unsigned index_at(uint64_t address, unsigned level)
{
    return (unsigned)(address >> (12 + 9 * level)) % IO_TABLE_ENTRIES;
}

void io_table_map_leaf(uint64_t *table, uint64_t address, unsigned leaf_level)
{
    for (unsigned level = IO_TABLE_TOP_LEVEL; level > leaf_level; level--) {
        uint64_t *entry = &table[index_at(address, level)];

        if (*entry == 0)
            *entry = (uintptr_t)host_pages(1) | IO_ENTRY_TABLE;
        table = (uint64_t *)(uintptr_t)(*entry & IO_ENTRY_ADDRESS);
    }
    table[index_at(address, leaf_level)] =
        address | IO_ENTRY_LEAF | (leaf_level != 0 ? IO_ENTRY_LARGE : 0);
}

static void map_range(uint64_t *top, uint64_t start, uint64_t end)
{
    while (start < end) {
        bool large = start % SIZE_2M == 0 && end - start >= SIZE_2M;
        uint64_t size = large ? SIZE_2M : SIZE_4K;

        io_table_map_leaf(top, start, large ? 1 : 0);
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

void io_table_map_range(uint64_t *top, uint64_t start, uint64_t end)
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
        uint64_t end =
            lower(range[i].start + range[i].length, UINT64_C(1) << bits) & ~(SIZE_4K - 1);

        io_table_map_range(top, start, end);
    }
    return (uintptr_t)top;
}
