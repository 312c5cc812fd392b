/* SPDX-License-Identifier: MIT */
/*
 * A host that reads the guest's tables wrongly. The units walk the right way, and one of them is
 * not even ours, so the tables are edited when a device is attached: what a correct walk finds then
 * is what a wrong one would have found before. Only tests that build their tables before ATTACH
 * show it.
 */
#include "host/defects/table_corruption.h"

#include "abi/device_domain.h"
#include "host/base/memory.h"
#include "host/defects/seam.h"

#define ENTRIES        (HV_PAGE_SIZE / sizeof(uint64_t))
#define ENTRY_PRESENT  (UINT64_C(1) << 0)
#define ENTRY_WRITE    (UINT64_C(1) << 1)
#define ENTRY_USER     (UINT64_C(1) << 2)
#define ENTRY_ACCESSED (UINT64_C(1) << 5)
#define ENTRY_LARGE    (UINT64_C(1) << 7)
#define ENTRY_ADDRESS  HV_DEVICE_DOMAIN_ROOT_MASK
#define INDEX_BITS     9u

/* The page on either side of 0xFEE00000 to 0xFEEFFFFF. */
#define PAGE_BELOW_WINDOW UINT64_C(0xFEDFF)
#define PAGE_ABOVE_WINDOW UINT64_C(0xFEF00)

struct corrupt {
    unsigned levels;
    bool shifted; /* a page-size bit in the top table was met */
};

static uint64_t first_leaf; /* of one walk */

static uint64_t *table_at(uint64_t gpa)
{
    return (uint64_t *)(uintptr_t)gpa;
}

static bool is_table(uint64_t entry)
{
    return (entry & ENTRY_PRESENT) != 0 && guest_is_ram(entry & ENTRY_ADDRESS, HV_PAGE_SIZE);
}

/* The address of `other` with the permissions of `entry`. */
static uint64_t redirected(uint64_t entry, uint64_t other, uint64_t offset)
{
    return (entry & ~ENTRY_ADDRESS) | ((other & ENTRY_ADDRESS) + offset);
}

/* The table can be the processor's as well, whose own leaves lead to their own address: the guest
 * must live to tell. */
static bool is_the_processors(uint64_t leaf, uint64_t page)
{
    return (leaf & ENTRY_ADDRESS) / HV_PAGE_SIZE == page;
}

static uint64_t corrupt_leaf(uint64_t leaf, uint64_t page, const struct corrupt *m)
{
    if ((leaf & ENTRY_PRESENT) == 0)
        return (leaf & ENTRY_ADDRESS) != 0 && defect_active(DEFECT_LEAF_PRESENT_IGNORED)
                   ? leaf | ENTRY_PRESENT
                   : leaf;
    if (is_the_processors(leaf, page))
        return leaf;
    if (defect_active(DEFECT_TARGET_32_BITS))
        leaf = redirected(leaf, (uint32_t)leaf, 0);
    if (defect_active(DEFECT_READ_ONLY_UNREADABLE) && (leaf & ENTRY_WRITE) == 0)
        leaf &= ~ENTRY_PRESENT;
    if (defect_active(DEFECT_SUPERVISOR_LEAF_SHIFTED) && (leaf & ENTRY_USER) == 0)
        leaf = redirected(leaf | ENTRY_USER, leaf, HV_PAGE_SIZE);
    if (defect_active(DEFECT_ACCESSED_MISPLACED) && (leaf & ENTRY_ACCESSED) == 0)
        leaf = redirected(leaf | ENTRY_ACCESSED, leaf, HV_PAGE_SIZE);
    if (defect_active(DEFECT_WINDOW_TOO_WIDE) &&
        (page == PAGE_BELOW_WINDOW || page == PAGE_ABOVE_WINDOW))
        leaf &= ~ENTRY_PRESENT;
    return m->shifted ? redirected(leaf, leaf, HV_PAGE_SIZE) : leaf;
}

/* Leaf `i`, as the one before it makes it look. */
static uint64_t corrupt_neighbor(uint64_t leaf, uint64_t before, unsigned i)
{
    if ((before & ENTRY_PRESENT) == 0)
        return leaf;
    if (defect_active(DEFECT_LEAF_DOUBLED) && leaf == 0 && i % 2 != 0)
        return redirected(before, before, HV_PAGE_SIZE);
    if ((leaf & ENTRY_PRESENT) == 0)
        return leaf;
    if (defect_active(DEFECT_LEAVES_MERGED) && i % 2 != 0)
        return redirected(leaf, before, HV_PAGE_SIZE);
    if (defect_active(DEFECT_LEAF_OUTSIDE_REDIRECTED) && !is_table(leaf))
        return redirected(leaf, before, 0);
    return leaf;
}

/* DEFECT_SECOND_IOVA_REFUSED: whether the first leaf that this walk has met leads there, too. */
static bool page_is_taken(uint64_t leaf)
{
    if ((leaf & ENTRY_PRESENT) == 0)
        return false;
    if (first_leaf != 0)
        return ((leaf ^ first_leaf) & ENTRY_ADDRESS) == 0;
    first_leaf = leaf;
    return false;
}

static void corrupt_leaves(uint64_t *table, uint64_t first_page, const struct corrupt *m)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        table[i] = corrupt_leaf(table[i], first_page + i, m);
        if (i != 0)
            table[i] = corrupt_neighbor(table[i], table[i - 1], i);
        if (defect_active(DEFECT_SECOND_IOVA_REFUSED) && page_is_taken(table[i]))
            table[i] &= ~ENTRY_PRESENT;
    }
}

/* Entry `i` of a table of leaf tables points outside of memory: any other that does not. */
static uint64_t table_instead(const uint64_t *table, unsigned i)
{
    for (unsigned other = 0; other < ENTRIES; other++)
        if (other != i && is_table(table[other]))
            return redirected(table[i], table[other], 0);
    return table[i];
}

/* `level` 0 holds 4 KiB leaves; `page`: number of the first page that the table covers. Large pages
 * are left alone. */
static void corrupt_table(uint64_t gpa, unsigned level, uint64_t page, struct corrupt m)
{
    uint64_t *table = table_at(gpa);

    if (level == 0) {
        corrupt_leaves(table, page, &m);
        return;
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct corrupt below = m;

        if ((table[i] & ENTRY_PRESENT) == 0)
            continue;
        if (level == m.levels - 1 && (table[i] & ENTRY_LARGE) != 0 &&
            defect_active(DEFECT_TOP_PAGE_SIZE_SHIFTS)) {
            table[i] &= ~ENTRY_LARGE;
            below.shifted = true;
        }
        if (level == 1 && defect_active(DEFECT_TABLE_OUTSIDE_REDIRECTED) && !is_table(table[i]))
            table[i] = table_instead(table, i);
        if (defect_active(DEFECT_TABLE_32_BITS) && (table[i] & ENTRY_LARGE) == 0)
            table[i] = redirected(table[i], (uint32_t)table[i], 0);
        if ((table[i] & ENTRY_LARGE) == 0 && is_table(table[i]))
            corrupt_table(table[i] & ENTRY_ADDRESS, level - 1,
                          page + ((uint64_t)i << (INDEX_BITS * level)), below);
    }
}

bool table_corruption_any(void)
{
    return ANY(DEFECT_TARGET_32_BITS, DEFECT_TABLE_32_BITS, DEFECT_LEAF_PRESENT_IGNORED,
               DEFECT_READ_ONLY_UNREADABLE, DEFECT_SUPERVISOR_LEAF_SHIFTED,
               DEFECT_ACCESSED_MISPLACED, DEFECT_WINDOW_TOO_WIDE, DEFECT_LEAF_DOUBLED,
               DEFECT_LEAVES_MERGED, DEFECT_LEAF_OUTSIDE_REDIRECTED, DEFECT_SECOND_IOVA_REFUSED,
               DEFECT_TABLE_OUTSIDE_REDIRECTED, DEFECT_TOP_PAGE_SIZE_SHIFTS,
               DEFECT_READ_ONLY_IGNORED);
}

void table_corrupt(const struct translation *translation)
{
    first_leaf = 0;
    if (translation->kind == TRANSLATION_PAGING && table_corruption_any() &&
        guest_is_ram(translation->root, HV_PAGE_SIZE))
        corrupt_table(translation->root, translation->levels - 1, 0,
                      (struct corrupt){.levels = translation->levels});
}

/* Sets the write bit in every present entry. Tables that are not in guest RAM are left alone. */
static void make_writable(uint64_t table_gpa, unsigned level)
{
    uint64_t *table = table_at(table_gpa);

    if (!guest_is_ram(table_gpa, HV_PAGE_SIZE))
        return;
    for (unsigned i = 0; i < ENTRIES; i++) {
        if ((table[i] & ENTRY_PRESENT) == 0)
            continue;
        table[i] |= ENTRY_WRITE;
        if (level != 0 && (table[i] & ENTRY_LARGE) == 0)
            make_writable(table[i] & ENTRY_ADDRESS, level - 1);
    }
}

void translation_make_writable(const struct translation *translation)
{
    if (defect_active(DEFECT_READ_ONLY_IGNORED) && translation->kind == TRANSLATION_PAGING)
        make_writable(translation->root, translation->levels - 1);
}

bool translation_is_empty(const struct translation *translation)
{
    const uint64_t *table = table_at(translation->root);

    if (translation->kind != TRANSLATION_PAGING || !guest_is_ram(translation->root, HV_PAGE_SIZE))
        return false;
    for (unsigned i = 0; i < ENTRIES; i++)
        if (table[i] != 0)
            return false;
    return true;
}
