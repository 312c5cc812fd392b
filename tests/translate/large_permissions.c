/* SPDX-License-Identifier: MIT */
/* Permissions of large leaves: their own, and those of the tables above them (TR-3, TR-4, TR-5). */
#include "tests/harness/leaf.h"

#define TEST_GROUP "translate"

static void expect_denied(struct test_run *t, struct dma_engine *e, struct leaf *l)
{
    /* The read puts the leaf into the caches, from where the second round is answered. */
    for (unsigned i = 0; i < 2; i++) {
        leaf_expect_write_fault(t, e, l, 0, 4, ORACLE_FAULT_CLASS_WRITE_DENIED, "first bytes");
        leaf_expect_write_fault(t, e, l, (int64_t)(l->size / 2), 4, ORACLE_FAULT_CLASS_WRITE_DENIED,
                                "in the middle");
        leaf_expect_write_fault(t, e, l, (int64_t)(l->size - 4), 4, ORACLE_FAULT_CLASS_WRITE_DENIED,
                                "last bytes");
        read_and_try_to_write(t, e, l->iova, 4);
    }
}

TEST(leaf_1g_read_only,
     PROMISE("A read-only 1 GiB leaf drops writes to its first, middle and last bytes")
     COVERS("TR-3 TR-5") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes to the first and last bytes and to the middle of a read-only 1 GiB "
           "leaf, reads it, and writes again.")
     EXPECTS("All writes fault as write denied and change nothing.")
     IF_IT_FAILS("The permission of 1 GiB leaves is not checked."))
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, SIZE_1G);
    struct domain *d = domain_paging(t);

    leaf_map(t, d, &l, STAGE1_READ);
    attach(t, d, e);
    expect_denied(t, e, &l);
}

static void below_read_only_table(struct test_run *t, uint64_t size, unsigned level)
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, IOVA_1G, size);
    struct domain *d = domain_paging(t);
    struct stage1_walk w;

    leaf_map(t, d, &l, RW);
    REQUIRE(stage1_walk(&d->table, IOVA_1G, &w) == STAGE1_OK && w.entry[level],
            "no table entry at level %u", level);
    *w.entry[level] &= ~(d->table.format->write_bits & 2);
    STEP("clear RW of the level %llu entry: now 0x%llx", level, *w.entry[level]);
    attach(t, d, e);
    expect_denied(t, e, &l);
}

TEST(leaf_2m_below_read_only_table,
     PROMISE("A clear RW bit in the entry above a 2 MiB leaf blocks writes to it")
     COVERS("TR-4") DEVICES(ALL) KINDS("dma fault")
     STEPS("A 2 MiB leaf is writable, and the RW bit of the entry that names its table is clear. "
           "The device writes to the first and last bytes and to the middle, reads, and writes "
           "again.")
     EXPECTS("All writes fault as write denied and change nothing.")
     IF_IT_FAILS("The permission of a large page is taken from its leaf alone."))
{
    below_read_only_table(t, SIZE_2M, 2);
}

TEST(leaf_1g_below_read_only_table,
     PROMISE("A clear RW bit in the entry above a 1 GiB leaf blocks writes to it")
     COVERS("TR-4") DEVICES(ALL) KINDS("dma fault")
     STEPS("A 1 GiB leaf is writable, and the RW bit of the entry that names its table is clear. "
           "The device writes to the first and last bytes and to the middle, reads, and writes "
           "again.")
     EXPECTS("All writes fault as write denied and change nothing.")
     IF_IT_FAILS("The permission of a large page is taken from its leaf alone."))
{
    below_read_only_table(t, SIZE_1G, 3);
}
