/* SPDX-License-Identifier: MIT */
#include "kernel/user_space.h"

#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/paging_bits.h"

#define ENTRIES       512u
#define LEVEL_1G      2u /* as lib/stage1 counts: the entry of one GiB */
#define LEVEL_SHIFT_0 12u
#define LEVEL_BITS    9u

static unsigned shift_of(unsigned level)
{
    return LEVEL_SHIFT_0 + LEVEL_BITS * level;
}

static unsigned index_of(uint64_t address, unsigned level)
{
    return (unsigned)(address >> shift_of(level)) % ENTRIES;
}

static uint64_t *table_of(uint64_t entry)
{
    return gpa_pointer(entry & PTE_ADDRESS);
}

/* Nothing of the kernel in the GiB: a table there, be it empty, counts as something. */
static bool is_free(uint64_t address)
{
    unsigned levels;
    const uint64_t *table = paging_root(&levels);

    for (unsigned level = levels - 1; level >= LEVEL_1G; level--) {
        uint64_t entry = table[index_of(address, level)];

        if (!(entry & PTE_PRESENT))
            return true;
        if (entry & PTE_LARGE)
            return false;
        table = table_of(entry);
    }
    return false;
}

bool user_space_place(struct user_space *u, uint64_t limit)
{
    uint64_t canonical;

    *u = (struct user_space){.format = stage1_format_x86_64};
    u->format.leaf_bits |= PTE_NX;
    (void)paging_root(&u->levels);
    canonical = 1ull << (shift_of(u->levels) - 1);
    u->base = (limit < canonical ? limit : canonical) & ~(USER_SPACE_SIZE - 1);
    /* Not the lowest one: address 0 is there. */
    while (u->base > 2 * USER_SPACE_SIZE) {
        u->base -= USER_SPACE_SIZE;
        if (is_free(u->base))
            return true;
    }
    return false;
}

void user_space_use(struct user_space *u, struct stage1 *table)
{
    u->table = table;
}

uint64_t user_space_root(const struct user_space *u)
{
    return stage1_root_gpa(u->table);
}

/* Executable and uncached pages, which stage1_map() does not know. They have not been used yet. */
static void refine(const struct user_space *u, uint64_t address, uint64_t length,
                   enum user_access access)
{
    for (uint64_t at = address; at < address + length; at += PAGE_SIZE) {
        struct stage1_walk walk;

        if (stage1_walk(u->table, at, &walk) != STAGE1_OK)
            continue;
        if (access == USER_EXECUTE)
            *walk.entry[walk.leaf_level] &= ~PTE_NX;
        if (access == USER_MMIO)
            *walk.entry[walk.leaf_level] |= PTE_UNCACHED;
    }
}

enum stage1_status user_space_map(struct user_space *u, uint64_t address, uint64_t gpa,
                                  uint64_t length, enum user_access access)
{
    bool writable = access == USER_READ_WRITE || access == USER_MMIO;
    enum stage1_status status;

    if (address < u->base || length > USER_SPACE_SIZE ||
        address - u->base > USER_SPACE_SIZE - length)
        return STAGE1_ERR_RANGE;
    status = stage1_map(u->table, address, gpa, length,
                        writable ? STAGE1_READ | STAGE1_WRITE : STAGE1_READ);
    if (status == STAGE1_OK)
        refine(u, address, length, access);
    return status;
}

/* From `level` down to the program's GiB; `kernel` is NULL where the kernel has no table. */
static void set_kernel(const struct user_space *u, uint64_t *table, const uint64_t *kernel,
                       unsigned level)
{
    unsigned own = index_of(u->base, level);

    for (unsigned i = 0; i < ENTRIES; i++)
        if (i != own)
            table[i] = kernel && (kernel[i] & PTE_PRESENT) ? kernel[i] & ~PTE_USER : 0;
    if (level > LEVEL_1G && (table[own] & PTE_PRESENT))
        set_kernel(u, table_of(table[own]),
                   kernel && (kernel[own] & PTE_PRESENT) ? table_of(kernel[own]) : NULL, level - 1);
}

void user_space_add_kernel(struct user_space *u)
{
    unsigned levels;
    const uint64_t *kernel = paging_root(&levels);

    set_kernel(u, u->table->root, kernel, levels - 1);
}

void user_space_remove_kernel(struct user_space *u)
{
    set_kernel(u, u->table->root, NULL, u->levels - 1);
}
