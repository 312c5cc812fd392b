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

uint64_t host_paging_init(void)
{
    uint64_t *top = host_pages(1), *pointers = NULL;
    size_t count;
    const struct guest_range *ram = guest_ram(&count);
    uint64_t end = FIRST_4G;

    if (count > 0 && ram[count - 1].start + ram[count - 1].length > end)
        end = ram[count - 1].start + ram[count - 1].length;
    for (uint64_t base = 0; base < end; base += SIZE_1G) {
        if (base % SIZE_512G == 0) {
            pointers = host_pages(1);
            top[base / SIZE_512G] = (uintptr_t)pointers | ENTRY_TABLE;
        }
        pointers[base / SIZE_1G % TABLE_ENTRIES] = directory(base);
    }
    return (uintptr_t)top;
}
