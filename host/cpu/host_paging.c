/* SPDX-License-Identifier: MIT */
#include "host/cpu/host_paging.h"

#include <stddef.h>

#include "host/base/memory.h"

#define ENTRY_TABLE   0x003ull /* present, writable */
#define ENTRY_LARGE   0x0E3ull /* present, writable, accessed, dirty, 2 MiB */
#define TABLE_ENTRIES 512u
#define SIZE_2M       (1ull << 21)
#define SIZE_1G       (1ull << 30)
#define SIZE_512G     (1ull << 39)
#define FIRST_4G      (4 * SIZE_1G)

static uint64_t directory(uint64_t base)
{
    uint64_t *table = host_pages(1);

    for (unsigned i = 0; i < TABLE_ENTRIES; i++)
        table[i] = (base + i * SIZE_2M) | ENTRY_LARGE;
    return (uintptr_t)table | ENTRY_TABLE;
}

static uint64_t *top;

static void map(uint64_t base)
{
    uint64_t *pointers;

    if (top[base / SIZE_512G] == 0)
        top[base / SIZE_512G] = (uintptr_t)host_pages(1) | ENTRY_TABLE;
    pointers = (uint64_t *)(uintptr_t)(top[base / SIZE_512G] & ~ENTRY_TABLE);
    if (pointers[base / SIZE_1G % TABLE_ENTRIES] == 0)
        pointers[base / SIZE_1G % TABLE_ENTRIES] = directory(base);
}

void host_paging_add(uint64_t start, uint64_t length)
{
    for (uint64_t base = start & ~(SIZE_1G - 1); base < start + length; base += SIZE_1G)
        map(base);
}

uint64_t host_paging_init(void)
{
    size_t count;
    const struct guest_range *ram = guest_ram(&count);
    uint64_t end = FIRST_4G;

    if (count > 0 && ram[count - 1].start + ram[count - 1].length > end)
        end = ram[count - 1].start + ram[count - 1].length;
    top = host_pages(1);
    host_paging_add(0, end);
    return (uintptr_t)top;
}
