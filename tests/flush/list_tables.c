/* SPDX-License-Identifier: MIT */
/* The list flush, superpages, and table pages that are reused right after it (LS-8, LS-10). */
#include "lib/string.h"
#include "tests/harness/flush_ways.h"

#define TEST_GROUP "flush-list"

TEST(small_block_drops_2m_leaf,
     PROMISE("A one-page block inside of a cached 2 MiB leaf drops the leaf as a whole")
     COVERS("LS-10") DEVICES(ALL) KINDS("dma flush")
     STEPS("The device uses page 300 of a 2 MiB leaf. The leaf is split, page 300 is pointed at "
           "another page, and a block of one page elsewhere in the 2 MiB is flushed.")
     EXPECTS("The device's next write to page 300 lands in the new page.")
     IF_IT_FAILS("The host drops only the 4 KiB piece that was named and keeps the rest of the "
                 "superpage's entry."))
{
    struct dma_engine *e = device(t);
    struct buffer big = buffer_for_leaf(t, SIZE_2M), small = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA_1G, &big);

    attach(t, d, e);
    expect_write(t, e, IOVA_1G + 300 * PAGE_SIZE, &big, 300 * PAGE_SIZE, 4,
                 "warm through the 2 MiB leaf");
    REQUIRE(stage1_split(&d->table, IOVA_1G) == STAGE1_OK, "splitting our own leaf");
    retarget(t, d, IOVA_1G + 300 * PAGE_SIZE, gpa_of(small.data));
    flush_block(t, d, (IOVA_1G >> 12) + 5, 0);
    expect_write(t, e, IOVA_1G + 300 * PAGE_SIZE, &small, 0, 4,
                 "page far from the flushed one, in the same old leaf");
    expect_untouched(t, &big, "the old target");
}

/* Empties the 2 MiB (or 1 GiB) that a table below IOVA covers, flushes by list, and gives the table
 * page new contents at once, as an allocator would: entries that lead to `trap`. Nothing may be
 * reached through them. */
static void reuse_table(struct test_run *t, unsigned level, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2), trap = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA_1G, &b);
    uint64_t span = 1ull << (12 + 9 * level), *table;
    struct stage1_walk w;

    attach(t, d, e);
    warm(t, e, IOVA_1G, &b, "mapped");
    REQUIRE(stage1_walk(&d->table, IOVA_1G, &w) == STAGE1_OK, "our own mapping is gone");
    table = gpa_pointer(*w.entry[level] & d->table.format->address_mask);
    *w.entry[level] = 0;
    STEP("clear the level %llu entry; its table at GPA 0x%llx is free after the flush", level,
         gpa_of(table));
    way(t, d, IOVA_1G & ~(span - 1), span);
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*table); i++)
        table[i] = gpa_of(trap.data) | 0x67;
    STEP("fill the old table page with entries that point to a page that no domain maps");
    expect_write_fault(t, e, IOVA_1G, 8, &trap, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "through the freed table, warm page");
    expect_write_fault(t, e, IOVA_1G + PAGE_SIZE, 8, &trap, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "through the freed table");
    expect_untouched(t, &b, "the old target");
    memset(table, 0, PAGE_SIZE);
}

TEST(leaf_table_reused,
     PROMISE("After a list flush over its range a freed leaf table is not walked any more")
     COVERS("LS-8") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses a page; the entry above its leaf table is cleared, the 2 MiB are "
           "flushed by list, and the old table is filled with entries that lead to a page that no "
           "domain maps.")
     EXPECTS("Writes to the warm page and to its neighbor fault; neither the old target nor the "
             "trap page changes.")
     IF_IT_FAILS("The list flush leaves the paging-structure cache alone: the host goes on walking "
                 "a table that has another owner now."))
{
    reuse_table(t, 1, flush_list);
}

TEST(middle_table_reused,
     PROMISE("After a list flush over its range a freed middle table is not walked any more")
     COVERS("LS-8") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The same one level higher: the table that covers 1 GiB is cut off, its range is "
           "flushed by list, and its page is filled with traps.")
     EXPECTS("Writes fault and no page changes.")
     IF_IT_FAILS("Paging-structure caches of the upper levels survive a list flush."))
{
    reuse_table(t, 2, flush_list);
}

TEST(upper_table_reused,
     PROMISE("After a list flush of everything a freed table below the root is not walked any more")
     COVERS("LS-8 LS-2") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The same for a table right below the root, flushed by the block that means everything.")
     EXPECTS("Writes fault and no page changes.")
     IF_IT_FAILS("The full-range block drops leaves, but not the cached root entries."))
{
    reuse_table(t, 3, flush_by_everything);
}

TEST(table_replaced_by_another,
     PROMISE("A table replaced by another one is followed after a list flush over its range, and "
             "the old one is not")
     COVERS("LS-8") DEVICES(ALL) KINDS("dma flush")
     STEPS("The device uses a page; its leaf table is replaced by another one that leads to "
           "another page, and the 2 MiB are flushed by list.")
     EXPECTS("The next write lands in the new table's page, and the old page stays unchanged.")
     IF_IT_FAILS("The walk still goes through the old table: paging-structure caches are not "
                 "dropped by the list flush."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA_1G, &a);
    uint64_t *old, *new = page_alloc(1, PAGE_SIZE);
    struct stage1_walk w;

    REQUIRE(new, "no memory for a table");
    attach(t, d, e);
    warm(t, e, IOVA_1G, &a, "old table");
    REQUIRE(stage1_walk(&d->table, IOVA_1G, &w) == STAGE1_OK, "our own mapping is gone");
    old = gpa_pointer(*w.entry[1] & d->table.format->address_mask);
    new[0] = gpa_of(b.data) | 0x67;
    *w.entry[1] = gpa_of(new) | 0x27;
    STEP("leaf table 0x%llx replaced by 0x%llx", gpa_of(old), gpa_of(new));
    flush_list(t, d, IOVA_1G, SIZE_2M);
    expect_write(t, e, IOVA_1G, &b, 0, 8, "new table");
    expect_untouched(t, &a, "the old table's target");
    *w.entry[1] = gpa_of(old) | 0x27; /* so that the driver frees what it allocated */
    flush(t, d);
}
