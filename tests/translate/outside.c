/* SPDX-License-Identifier: MIT */
/* Tables and leaves that point where the guest has no memory: an abort, never an access to
 * something else (TR-10, TR-11). */
#include "tests/harness/fixture.h"

#define TEST_GROUP "translate"

static uint64_t hole(struct test_run *t)
{
    uint64_t gpa = memory_hole();

    if (!gpa)
        SKIP("this machine has no unused physical address");
    return gpa;
}

TEST(leaf_outside_of_memory,
     PROMISE("A leaf that points outside of guest memory: nothing in guest memory changes, and "
             "other leaves go on working")
     COVERS("TR-10") DEVICES(ALL) KINDS("dma")
     STEPS("One leaf points to an address without memory; the device writes and reads through it, "
           "then through a good leaf.")
     EXPECTS("Nothing in the guest's memory changes, and the good leaf works.")
     IF_IT_FAILS("The host redirects the access into other memory, or blocks the device "
                 "permanently."))
{
    struct dma_engine *e = device(t);
    uint64_t gpa = hole(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    map_gpa(t, d, IOVA + PAGE_SIZE, gpa, PAGE_SIZE, RW);
    attach(t, d, e);
    fill_by_device(t, e, IOVA + PAGE_SIZE, PAGE_SIZE, "DMA");
    read_and_try_to_write(t, e, IOVA + PAGE_SIZE, 64);
    expect_untouched(t, &b, "after DMA through the leaf into the hole");
    expect_write(t, e, IOVA, &b, 0, 32, "the good leaf");
}

/* Replaces the entry of that level by one that points into a hole. */
static void table_outside(struct test_run *t, unsigned level)
{
    struct dma_engine *e = device(t);
    uint64_t gpa = hole(t), other = IOVA ^ (1ull << (12 + 9 * level));
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_four_levels(t, IOVA, &b);
    struct stage1_walk w;
    bool other_usable = other >> capabilities(t)->max_iova_width == 0;

    if (other_usable)
        map(t, d, other, &b, RW);
    REQUIRE(stage1_walk(&d->table, IOVA, &w) == STAGE1_OK, "our own mapping is gone");
    stage(t, d, e);
    *w.entry[level] = gpa | 0x27;
    STEP("level %llu entry of the IOVA now points to the table at 0x%llx, where there is no memory",
         level, gpa);
    attach(t, d, e);
    expect_write_fault(t, e, IOVA, 8, &b, FAULT_ANY, "write through a table outside of memory");
    expect_read_fault(t, e, IOVA, 8, &b, FAULT_ANY, "read through a table outside of memory");
    if (other_usable)
        expect_write(t, e, other, &b, 0, 8, "an IOVA with good tables");
}

TEST(leaf_table_outside_of_memory,
     PROMISE("A leaf table outside of guest memory aborts every access below it")
     COVERS("TR-11") DEVICES(ALL) KINDS("dma fault")
     STEPS("The entry above the leaf table points to an address without memory; the device writes, "
           "reads, and uses an IOVA with good tables.")
     EXPECTS("Both accesses fault; the good IOVA works.")
     IF_IT_FAILS("The host takes what it cannot read for a table."))
{
    table_outside(t, 1);
}

TEST(middle_table_outside_of_memory,
     PROMISE("A middle table outside of guest memory aborts every access below it")
     COVERS("TR-11") DEVICES(ALL) KINDS("dma fault")
     STEPS("The same with the entry above the middle table.")
     EXPECTS("Both accesses fault; the good IOVA works.")
     IF_IT_FAILS("The host takes what it cannot read for a table."))
{
    table_outside(t, 2);
}

TEST(upper_table_outside_of_memory,
     PROMISE("A table outside of guest memory right below the root aborts every access below it")
     COVERS("TR-11") DEVICES(ALL) KINDS("dma fault")
     STEPS("The same with the entry in the root table.")
     EXPECTS("Both accesses fault; the good IOVA works, where the width permits one.")
     IF_IT_FAILS("The host takes what it cannot read for a table."))
{
    table_outside(t, 3);
}
