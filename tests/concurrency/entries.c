/* SPDX-License-Identifier: MIT */
/*
 * The guest rewrites entries, one 8-byte store each, while a device reads and writes through them,
 * and does not flush in between (CON-2, FL-5).
 *
 * Without a flush a host may use the old entry or the new one. It must not use a mixture. A mixture
 * comes from two reads of one entry (the first for the permission, the second for the address, or
 * the first to see that it is a table and the second to follow it), from 4-byte reads, or from a
 * cache that stores the parts of an entry at different times. Guests rely on this: Linux replaces a
 * leaf with one store and flushes later.
 *
 * Old and new entry therefore differ in two things at once. In the first test one entry is writable
 * and leads to a page that may be written, the other is read-only, or not present, and names a page
 * that must not change: the address of the one with the permission of the other shows as a write to
 * the wrong page. In the second test one entry is a 2 MiB leaf and the other names a table: a
 * leaf's address that is followed as a table, or a table that is taken for a leaf, reaches memory
 * that neither of them maps.
 *
 * The device repeats reads and writes in several slots without end, so that a translation is made
 * at each exit, and the guest changes the entries between exits. A cache could hide the defect: a
 * host that holds the old entry does not walk, and reads nothing twice. Every few rounds a flush
 * empties the caches, and then the test also checks that the new entry alone is in force.
 */
#include "lib/string.h"
#include "tests/harness/continuous_dma.h"

#define TEST_GROUP "concurrency"
#define LENGTH     64u
#define ROUNDS     60u

enum slot { WRITE_FIRST = 1, READ_FIRST, WRITE_SECOND, READ_SECOND, WRITE_THIRD };

static void read_over_and_over(struct test_run *t, struct dma_engine *e, unsigned slot,
                               uint64_t iova)
{
    struct dmaprobe_request burst = {
        .operation = DMAPROBE_READ, .flags = DMAPROBE_REPEAT, .iova = iova, .length = LENGTH};

    dmaprobe_start(e, slot, &burst);
    REQUIRE(burst.state == DMAPROBE_RUNNING, "the device did not start its DMA");
}

static bool written(const struct buffer *b, unsigned page)
{
    return memory_find_other(b->data + page * PAGE_SIZE, LENGTH, POISON_FRESH);
}

TEST(entry_as_a_whole,
     PROMISE("A leaf rewritten under running DMA is used as it was or as it is, never an address "
             "with another's permission")
     COVERS("CON-2 FL-5") DEVICES(PROBE) KINDS("dma flush")
     STEPS("A device reads and writes at three IOVAs over and over. Sixty times the guest rewrites "
           "their leaves, without a flush: the first changes between page 0, read-only, and page "
           "1, writable; the second between page 2, writable, and page 3, read-only; the third "
           "between page 4, writable, and page 5 with P clear. Every fifth time it flushes.")
     EXPECTS("Pages 0, 3 and 5 are never written: no entry ever allowed it. After a flush the "
             "pages of the new entries are.")
     IF_IT_FAILS("The host joins the address of one entry with the permission of another: look for "
                 "a second look at an entry, and for caches whose parts are filled at different "
                 "times."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    const struct stage1_format *f = d->table.format;
    const uint64_t writable = f->leaf_bits | f->write_bits;
    struct buffer b = buffer(t, 6);
    const uint64_t value[3][2] = {
        {gpa_of(b.data) | f->leaf_bits, (gpa_of(b.data) + PAGE_SIZE) | writable},
        {(gpa_of(b.data) + 2 * PAGE_SIZE) | writable,
         (gpa_of(b.data) + 3 * PAGE_SIZE) | f->leaf_bits},
        {(gpa_of(b.data) + 4 * PAGE_SIZE) | writable,
         (gpa_of(b.data) + 5 * PAGE_SIZE) | (writable & ~f->present)},
    };
    uint64_t *leaf;

    map_gpa(t, d, IOVA_1G, gpa_of(b.data), 3 * PAGE_SIZE, RW);
    leaf = leaf_entry(t, d, IOVA_1G);
    for (unsigned i = 0; i < 3; i++)
        leaf[i] = value[i][0];
    attach(t, d, e);
    read_over_and_over(t, e, READ_FIRST, IOVA_1G);
    read_over_and_over(t, e, READ_SECOND, IOVA_1G + PAGE_SIZE);
    continuous_dma_start(t, e, WRITE_FIRST, IOVA_1G, LENGTH, e->ops->fill_value);
    continuous_dma_start(t, e, WRITE_SECOND, IOVA_1G + PAGE_SIZE, LENGTH, e->ops->fill_value);
    continuous_dma_start(t, e, WRITE_THIRD, IOVA_1G + 2 * PAGE_SIZE, LENGTH, e->ops->fill_value);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        unsigned now = round % 2;

        for (unsigned i = 0; i < 3; i++)
            __atomic_store_n(&leaf[i], value[i][now], __ATOMIC_RELAXED);
        if (round % 5 == 0) {
            flush(t, d);
            buffer_refresh(&b);
        }
        continuous_dma_pass(e, DMA_SETTLE_EXITS);
        CHECK(!written(&b, 0),
              "round %u: a page was written through an entry that was always read-only", round);
        CHECK(!written(&b, 3), "round %u: a page was written that only a read-only entry led to",
              round);
        CHECK(!written(&b, 5), "round %u: a page was written that only an entry without P named",
              round);
        if (round % 5 == 0) {
            CHECK(written(&b, 1) == (now == 1),
                  "round %u, flushed: the first page is not as its entry says", round);
            CHECK(written(&b, 2) == (now == 0),
                  "round %u, flushed: the second page is not as its entry says", round);
            CHECK(written(&b, 4) == (now == 0),
                  "round %u, flushed: the third page is not as its entry says", round);
        }
        buffer_refresh(&b);
    }
    for (unsigned slot = WRITE_FIRST; slot <= WRITE_THIRD; slot++)
        (void)continuous_dma_stop(t, e, slot);
    buffer_refresh(&b);
}

TEST(leaf_or_table,
     PROMISE("An entry that changes between 2 MiB leaf and table under running DMA is followed as "
             "one or as the other")
     COVERS("CON-2 FL-5 TR-6 LS-8") DEVICES(PROBE) KINDS("dma flush")
     STEPS("A device writes to one page over and over. Forty times the guest rewrites the entry of "
           "its 2 MiB, without a flush: it is a leaf, or it names a table whose entries lead "
           "elsewhere. The large page holds entries that lead to a trap, and the table is the "
           "first page of 2 MiB of its own. Every fourth time it flushes.")
     EXPECTS("The write is in the large page or where the table leads; neither the trap nor the 2 "
             "MiB around the table are written. After a flush it is where the entry says.")
     IF_IT_FAILS("The host takes the address from one entry and what it means, leaf or table, from "
                 "another."))
{
    enum { PAGE = 5, INDEX = PAGE };
    struct dma_engine *e = device(t);
    struct buffer leaf = buffer_for_leaf(t, SIZE_2M), table = buffer_for_leaf(t, SIZE_2M);
    struct buffer small = buffer(t, 2); /* target of the table, trap */
    struct domain *d = domain_mapping(t, IOVA_1G, &leaf);
    const struct stage1_format *f = &stage1_format_x86_64;
    const uint64_t writable = f->leaf_bits | f->write_bits;
    uint64_t value[2], *words, *entry;
    struct stage1_walk w;

    REQUIRE(stage1_walk(&d->table, IOVA_1G, &w) == STAGE1_OK && w.leaf_level == 1, "no 2 MiB leaf");
    entry = w.entry[1];
    value[0] = *entry;
    value[1] = gpa_of(table.data) | f->table_bits;
    words = (uint64_t *)(uintptr_t)table.data;
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        words[i] = gpa_of(small.data) | writable;
    words = (uint64_t *)(uintptr_t)leaf.data;
    words[INDEX] = (gpa_of(small.data) + PAGE_SIZE) | writable;
    attach(t, d, e);
    continuous_dma_start(t, e, WRITE_FIRST, IOVA_1G + PAGE * PAGE_SIZE, LENGTH, e->ops->fill_value);
    for (unsigned round = 1; round <= 40; round++) {
        uint8_t *in_leaf = leaf.data + PAGE * PAGE_SIZE;
        bool flushed = round % 4 == 0, as_leaf, as_table;

        __atomic_store_n(entry, value[round % 3 == 0], __ATOMIC_RELAXED);
        if (flushed) {
            flush_list(t, d, IOVA_1G, SIZE_2M);
            memset(in_leaf, POISON_FRESH, LENGTH);
            memset(small.data, POISON_FRESH, LENGTH);
        }
        continuous_dma_pass(e, DMA_SETTLE_EXITS);
        as_leaf = memory_find_other(in_leaf, LENGTH, POISON_FRESH);
        as_table = written(&small, 0);
        CHECK(as_leaf || as_table,
              "round %u: the device reaches neither the large page nor the table's target", round);
        CHECK(!flushed || as_leaf != (round % 3 == 0), "round %u, flushed: the old entry is used",
              round);
        CHECK(!flushed || as_table == (round % 3 == 0), "round %u, flushed: the old entry is used",
              round);
        CHECK(!written(&small, 1), "round %u: data of the large page were taken for a table",
              round);
        CHECK(!written(&table, PAGE), "round %u: the table was taken for a large page", round);
        memset(in_leaf, POISON_FRESH, LENGTH);
        memset(small.data, POISON_FRESH, LENGTH);
    }
    (void)continuous_dma_stop(t, e, WRITE_FIRST);
    memset(leaf.data, POISON_FRESH, PAGE_SIZE);
    memset(leaf.data + PAGE * PAGE_SIZE, POISON_FRESH, LENGTH);
    memset(small.data, POISON_FRESH, LENGTH);
    memset(table.data, POISON_FRESH, PAGE_SIZE);
    *entry = value[0];
    flush(t, d);
    expect_untouched(t, &leaf, "the large page");
    expect_untouched(t, &table, "the 2 MiB around the table");
}
