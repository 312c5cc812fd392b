/* SPDX-License-Identifier: MIT */
/*
 * Upper levels that another page than the flushed one has brought into the caches (LS-8, FL-1): a
 * page of the same table, one that is not mapped, or a page of the table beside, from where a host
 * may prefetch. The page that was mapped was never used, and is the only one that the guest has to
 * flush.
 */
#include "lib/string.h"
#include "tests/harness/flush_ways.h"

#define TEST_GROUP "flush-list"

enum filler { BY_MAPPED_PAGE, BY_FAULT, BY_NEIGHBOR };

/* Places of the page that is used: in the span of the entry, or in the one beside. */
static void use_other_page(struct test_run *t, struct dma_engine *e, enum filler by, uint64_t iova,
                           uint64_t span, struct buffer *b)
{
    switch (by) {
    case BY_MAPPED_PAGE:
        expect_write(t, e, iova + 3 * PAGE_SIZE, b, PAGE_SIZE, 8,
                     "a mapped page of the same table");
        break;
    case BY_FAULT:
        expect_write_fault(t, e, iova + 5 * PAGE_SIZE, 8, b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "a page of the same table that is not mapped");
        break;
    case BY_NEIGHBOR:
        expect_write(t, e, iova + span, b, PAGE_SIZE, 8, "a page of the table beside");
        break;
    }
}

static void table_filled_by(struct test_run *t, enum filler by, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2), trap = buffer(t, 1);

    for (unsigned level = 1; level <= 3; level++) {
        uint64_t span = 1ull << (12 + 9 * level), *table;
        struct domain *d = domain_paging_with(t, 4, PAGE_SIZE);
        struct stage1_walk w;

        if (capabilities(t)->max_iova_width < 64 &&
            (IOVA_1G + 2 * span) >> capabilities(t)->max_iova_width != 0)
            continue;
        map_gpa(t, d, IOVA_1G, gpa_of(b.data), PAGE_SIZE, RW);
        if (by != BY_FAULT) {
            map_gpa(t, d, IOVA_1G + (by == BY_NEIGHBOR ? span : 3 * PAGE_SIZE),
                    gpa_of(b.data) + PAGE_SIZE, PAGE_SIZE, RW);
        }
        attach(t, d, e);
        use_other_page(t, e, by, IOVA_1G, span, &b);
        REQUIRE(stage1_walk(&d->table, IOVA_1G, &w) == STAGE1_OK, "our own mapping is gone");
        table = gpa_pointer(*w.entry[level] & d->table.format->address_mask);
        *w.entry[level] = 0;
        STEP("clear the level %llu entry; its table at GPA 0x%llx is free after the flush", level,
             gpa_of(table));
        way(t, d, IOVA_1G, PAGE_SIZE);
        for (unsigned i = 0; i < PAGE_SIZE / sizeof(*table); i++)
            table[i] = gpa_of(trap.data) | 0x67;
        STEP("fill the old table page with entries that point to a page that no domain maps");
        expect_write_fault(t, e, IOVA_1G, 8, &trap, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "the flushed page");
        expect_write_fault(t, e, IOVA_1G + 7 * PAGE_SIZE, 8, &trap, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "a page of the same table that was never mapped");
        expect_untouched(t, &b, "the old target");
        memset(table, 0, PAGE_SIZE);
        flush(t, d);
    }
}

#define FILLERS(ROW, test)                                                                         \
    ROW(test, mapped_page, BY_MAPPED_PAGE, WORD(filler, "another mapped page of the same table"))  \
    ROW(test, fault, BY_FAULT, WORD(filler, "a page of the same table that was not mapped"))       \
    ROW(test, neighbor, BY_NEIGHBOR, WORD(filler, "a page of the table beside"))

VARIANTS(const enum filler, fillers, FILLERS);

TEST_EACH(table_filled_by, FILLERS,
          PROMISE("A list of the one mapped page drops the cached upper levels above it, which an "
                  "access to {filler} has filled")
          COVERS("LS-8") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("A page is mapped and not used; the device accesses {filler}. The entry above the "
                "table of the page is cleared, the page is flushed by a list of one element, and "
                "the old table is filled with entries that lead to a page that no domain maps. The "
                "device writes to the flushed page, and to another one of the table. For the "
                "tables of each level.")
          EXPECTS("Both writes fault as not present, and neither page changes.")
          IF_IT_FAILS("Entries of the paging-structure cache are found by the page that filled "
                      "them, or dropped only together with an entry of the IOTLB."))
{
    table_filled_by(t, VARIANT(fillers), flush_list);
}

#undef TEST_GROUP
#define TEST_GROUP "flush"

TEST(table_filled_by_fault,
     PROMISE("A flush of the domain drops cached upper levels that a refused access has filled")
     COVERS("FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("A page is mapped and not used; the device writes to one of the same table that is not "
           "mapped. The entry above the table is cleared, the domain is flushed, and the old table "
           "is filled with entries that lead to a page that no domain maps. The device writes to "
           "the mapped page, and to another one of the table. For the tables of each level.")
     EXPECTS("Both writes fault as not present, and neither page changes.")
     IF_IT_FAILS("Walks that end with a fault leave entries in the paging-structure cache that no "
                 "flush finds."))
{
    table_filled_by(t, BY_FAULT, flush_by_domain);
}
