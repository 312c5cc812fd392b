/* SPDX-License-Identifier: MIT */
#include "host/cpu/nested_paging.h"

#include <stddef.h>

#include "host/base/instructions.h"
#include "host/base/memory.h"
#include "host/cpu/shootdown.h"
#include "lib/bits.h"
#include "lib/hot.h"

#define ENTRY_PRESENT  (1ull << 0)
#define ENTRY_WRITABLE (1ull << 1)
#define ENTRY_USER     (1ull << 2) /* the processor walks nested tables as a user access */
#define ENTRY_ACCESSED (1ull << 5)
#define ENTRY_DIRTY    (1ull << 6)
#define ENTRY_LARGE    (1ull << 7)
#define ENTRY_ADDRESS  BITS(51, 12)
#define ENTRY_TABLE    (ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_USER)
#define ENTRY_LEAF     (ENTRY_TABLE | ENTRY_ACCESSED | ENTRY_DIRTY)
#define ENTRY_LEAF_RX  (ENTRY_LEAF & ~ENTRY_WRITABLE) /* no leaf is no-execute */

#define TABLE_ENTRIES 512u
#define SIZE_4K       (1ull << 12)
#define SIZE_2M       (1ull << 21)
#define SIZE_1G       (1ull << 30)
#define FIRST_4G      (4 * SIZE_1G)

/* Bound of what a guest can make the host allocate by touching the whole GPA space without 1 GiB
 * pages: 4 MiB. */
#define DIRECTORIES_MAX 1024

#define CPUID_EXTENDED_FEATURES 0x80000001u
#define CPUID_EXTENDED_EDX_1G   (1u << 26)

HOT_DATA static struct {
    uint64_t *top;
    bool giant; /* 1 GiB leaves */
    unsigned directories;
    /* The overlay replaces one entry, at the level at which it found a leaf; tables below it come
     * from here. */
    uint64_t *overlay_slot, overlay_old;
    uint64_t overlay_gpa;
    const uint8_t *overlay_page;
    uint64_t *overlay_directory, *overlay_table;
} nested;
HOT_DATA bool nested_changed; /* an entry that a processor may hold */

static uint64_t *table_of(uint64_t entry)
{
    return (uint64_t *)(uintptr_t)(entry & ENTRY_ADDRESS);
}

static unsigned index_at(uint64_t gpa, unsigned shift)
{
    return (unsigned)(gpa >> shift) % TABLE_ENTRIES;
}

static uint64_t table_entry(const uint64_t *table)
{
    return (uintptr_t)table | ENTRY_TABLE;
}

static uint64_t small_table(uint64_t base)
{
    uint64_t *table = host_pages(1);

    /* Space for devices of VMBus is large, and a guest waits for its first table. */
    if (guest_is_hidden_as_one(base, SIZE_2M))
        return table_entry(table);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t gpa = base + i * SIZE_4K;

        table[i] = guest_is_hidden(gpa, SIZE_4K) ? 0 : gpa | ENTRY_LEAF;
    }
    return table_entry(table);
}

static uint64_t directory(uint64_t base)
{
    uint64_t *table = host_pages(1);
    bool all_visible = !guest_is_hidden(base, SIZE_1G);

    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t gpa = base + i * SIZE_2M;

        if (all_visible || !guest_is_hidden(gpa, SIZE_2M))
            table[i] = gpa | ENTRY_LEAF | ENTRY_LARGE;
        else
            table[i] = small_table(gpa);
    }
    nested.directories++;
    return table_entry(table);
}

static uint64_t *gib_slot(uint64_t gpa)
{
    uint64_t *top = &nested.top[index_at(gpa, 39)];

    if (!*top)
        *top = table_entry(host_pages(1));
    return &table_of(*top)[index_at(gpa, 30)];
}

bool nested_paging_fill(uint64_t gpa)
{
    uint64_t base = align_down(gpa, SIZE_1G);
    uint64_t *slot;

    if (gpa >= guest_gpa_limit())
        return false;

    slot = gib_slot(gpa);

    if (*slot)
        return false;
    if (nested.giant && !guest_is_hidden(base, SIZE_1G))
        *slot = base | ENTRY_LEAF | ENTRY_LARGE;
    else if (nested.directories < DIRECTORIES_MAX)
        *slot = directory(base);
    return *slot != 0;
}

uint64_t nested_paging_init(void)
{
    size_t count;
    const struct guest_range *ram = guest_ram(&count);
    uint64_t end = FIRST_4G;

    nested.top = host_pages(1);
    nested.overlay_directory = host_pages(1);
    nested.overlay_table = host_pages(1);
    nested.giant = cpu_cpuid(CPUID_EXTENDED_FEATURES, 0).edx & CPUID_EXTENDED_EDX_1G;
    if (count > 0 && ram[count - 1].start + ram[count - 1].length > end)
        end = ram[count - 1].start + ram[count - 1].length;
    /* RAM and MMIO below 4 GiB, used at once; the rest, mostly MMIO above 4 GiB, is filled at the
     * first access. */
    for (uint64_t gpa = 0; gpa < end; gpa += SIZE_1G)
        nested_paging_fill(gpa);
    return (uintptr_t)nested.top;
}

/* Fills a gap that guest_protect() left. */
static bool set_entry(uint64_t gpa, uint64_t entry)
{
    uint64_t *slot;

    if (!guest_is_hidden(gpa, 1) || gpa >= guest_gpa_limit())
        return false;
    nested_paging_fill(gpa);

    /* Around hidden pages there are tables down to the last level. */
    slot = gib_slot(gpa);

    if (!*slot)
        return false;
    slot = &table_of(table_of(*slot)[index_at(gpa, 21)])[index_at(gpa, 12)];
    if (slot == nested.overlay_slot)
        nested.overlay_old = entry;
    else
        *slot = entry;
    nested_changed = true;
    return true;
}

bool nested_page_set(uint64_t gpa, void *page)
{
    return set_entry(gpa, page ? (uintptr_t)page | ENTRY_LEAF : 0);
}

void nested_show_zeros(uint64_t gpa, uint64_t length)
{
    const void *zeros = host_pages(1);

    for (uint64_t at = 0; at < length; at += SIZE_4K)
        set_entry(gpa + at, (uintptr_t)zeros | ENTRY_LEAF_RX);
}

void nested_show_read_only(uint64_t gpa, uint64_t length)
{
    for (uint64_t at = 0; at < length; at += SIZE_4K)
        set_entry(gpa + at, (gpa + at) | ENTRY_LEAF_RX);
}

/* Fills `table` with the pieces of a leaf, so that one of them can change. */
static void split(uint64_t *table, uint64_t leaf, uint64_t size, uint64_t piece_flags)
{
    uint64_t base = leaf & ENTRY_ADDRESS;

    for (unsigned i = 0; i < TABLE_ENTRIES; i++)
        table[i] = (base + i * size) | piece_flags;
}

static void replace(uint64_t *slot, uint64_t entry)
{
    if (!nested.overlay_slot) {
        nested.overlay_slot = slot;
        nested.overlay_old = *slot;
    }
    *slot = entry;
    nested_changed = true;
}

bool nested_overlay_set(uint64_t gpa, const void *page, bool writable)
{
    uint64_t *slot;

    nested_overlay_clear();
    nested_paging_fill(gpa);

    slot = gpa < guest_gpa_limit() ? gib_slot(gpa) : NULL;

    if (!slot || !*slot)
        return false;
    if (*slot & ENTRY_LARGE) {
        split(nested.overlay_directory, *slot, SIZE_2M, ENTRY_LEAF | ENTRY_LARGE);
        replace(slot, table_entry(nested.overlay_directory));
    }
    slot = &table_of(*slot)[index_at(gpa, 21)];
    if (*slot & ENTRY_LARGE) {
        split(nested.overlay_table, *slot, SIZE_4K, ENTRY_LEAF);
        replace(slot, table_entry(nested.overlay_table));
    }
    slot = &table_of(*slot)[index_at(gpa, 12)];
    replace(slot, (uintptr_t)page | (writable ? ENTRY_LEAF : ENTRY_LEAF_RX));
    nested.overlay_gpa = gpa & ~(uint64_t)(PAGE_SIZE - 1);
    nested.overlay_page = page;
    return true;
}

HOT const uint8_t *nested_overlay_at(uint64_t gpa)
{
    return nested.overlay_slot && (gpa & ~(uint64_t)(PAGE_SIZE - 1)) == nested.overlay_gpa
               ? nested.overlay_page
               : NULL;
}

void nested_overlay_clear(void)
{
    if (nested.overlay_slot) {
        *nested.overlay_slot = nested.overlay_old;
        nested.overlay_slot = NULL;
        nested_changed = true;
        /* At once: the next overlay uses the tables again that another processor may still walk. */
        shootdown_nested_tlb(cpu_current());
    }
}
