/* SPDX-License-Identifier: MIT */
/*
 * Flush ordering: once the flush call has returned, no DMA uses what the tables said before (FL-1, FL-2).
 *
 * Each promise is tried with the flush of the whole domain and with the list flush of exactly the range. All pages are
 * used by the device right before the change, so that they are cached wherever the host caches. Without the flush the
 * device may go on with the old translation: only then does the test show anything.
 */
#include "lib/string.h"
#include "tests/harness/flush_ways.h"

#define TEST_GROUP "flush"
#define IOVA       0x04000000ull
#define RW         (STAGE1_READ | STAGE1_WRITE)

/* Declares one test, with its story, per way to flush. */
#define FLUSH_TESTS(symbol, name, requirements, kinds, title, body, steps, expected, failure)                          \
    STORY(name "_domain_flush", steps " The flush is FLUSH_DEVICE_DOMAIN.", expected, failure);                        \
    TEST(symbol##_domain, name "_domain_flush", requirements, ON_ANY, kinds, title ": FLUSH_DEVICE_DOMAIN")            \
    {                                                                                                                  \
        body(t, flush_by_domain);                                                                                      \
    }                                                                                                                  \
    STORY(name "_list_flush", steps " The flush is a list of exactly the blocks that changed.", expected, failure);    \
    TEST(symbol##_list, name "_list_flush", requirements " LS-1", ON_ANY, kinds, title ": list flush, exact blocks")   \
    {                                                                                                                  \
        body(t, flush_list);                                                                                           \
    }                                                                                                                  \
    STORY(name "_covering_flush", steps " The flush is a list of one block around the change.", expected, failure);    \
    TEST(symbol##_cover, name "_covering_flush", requirements " LS-1", ON_ANY, kinds,                                  \
         title ": list flush, one covering block")                                                                     \
    {                                                                                                                  \
        body(t, flush_by_cover);                                                                                       \
    }                                                                                                                  \
    STORY(name "_full_range_flush", steps " The flush is a list of the one element that means everything.", expected,  \
          failure);                                                                                                    \
    TEST(symbol##_all, name "_full_range_flush", requirements " LS-2", ON_ANY, kinds,                                  \
         title ": list flush of everything (page 0, shift 52)")                                                        \
    {                                                                                                                  \
        body(t, flush_by_everything);                                                                                  \
    }

static void unmapped(struct test_run *t, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 5);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    for (unsigned i = 0; i < 5; i++) {
        expect_write(t, e, IOVA + i * PAGE_SIZE, &b, i * PAGE_SIZE, 4, "warm");
    }
    unmap(t, d, IOVA + PAGE_SIZE, 3 * PAGE_SIZE);
    way(t, d, IOVA + PAGE_SIZE, 3 * PAGE_SIZE);
    for (unsigned i = 1; i < 4; i++) {
        expect_write_fault(t, e, IOVA + i * PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "unmapped and flushed");
        expect_read_fault(t, e, IOVA + i * PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "unmapped and flushed");
    }
    expect_write(t, e, IOVA, &b, 0, 4, "neighbour before");
    expect_write(t, e, IOVA + 4 * PAGE_SIZE, &b, 4 * PAGE_SIZE, 4, "neighbour behind");
}

FLUSH_TESTS(
    flush_unmap, "unmapped", "FL-1", "dma,fault,flush", "Unmapped pages are out of reach after the flush", unmapped,
    "The device uses five pages; the three in the middle are unmapped and flushed; then the device writes and reads "
    "all of them.",
    "The three fault as not present for writes and reads and do not change; the two beside them still work.",
    "A cached translation outlives the flush: the device writes to memory that the guest has given to somebody else.")

static void downgraded(struct test_run *t, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    warm(t, e, IOVA, &b, "writable");
    expect_write(t, e, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 4, "writable");
    REQUIRE(stage1_protect(&d->table, IOVA, 2 * PAGE_SIZE, STAGE1_READ) == STAGE1_OK, "protecting our own table");
    STEP0(t, "make both pages read-only");
    way(t, d, IOVA, 2 * PAGE_SIZE);
    expect_write_fault(t, e, IOVA, 4, &b, ORACLE_FAULT_CLASS_WRITE_DENIED, "read-only now");
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_WRITE_DENIED, "read-only now");
}

FLUSH_TESTS(flush_downgrade, "downgraded", "FL-2", "dma,fault,flush",
            "Pages made read-only cannot be written after the flush", downgraded,
            "The device writes two pages; both are made read-only and flushed; then the device writes again.",
            "Both writes are denied and change nothing.",
            "The cached permission outlives the flush: a device can write what it was only to read from now on.")

static void upgraded(struct test_run *t, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    map(t, d, IOVA, &b, STAGE1_READ);
    attach(t, d, e);
    read_and_try_to_write(t, e, IOVA, 4);
    expect_untouched(t, &b, "read-only page");
    REQUIRE(stage1_protect(&d->table, IOVA, PAGE_SIZE, RW) == STAGE1_OK, "protecting our own table");
    STEP0(t, "make the page writable");
    way(t, d, IOVA, PAGE_SIZE);
    expect_write(t, e, IOVA, &b, 0, 4, "writable now");
}

FLUSH_TESTS(flush_upgrade, "upgraded", "FL-2", "dma,flush", "A page made writable can be written after the flush",
            upgraded,
            "The device reads a read-only page, and its write is denied; the page is made writable and flushed; then "
            "the device writes.",
            "The write lands.",
            "The cached permission outlives the flush: a driver sees a fault for a page that it may write.")

static void retargeted(struct test_run *t, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &a);

    attach(t, d, e);
    for (unsigned i = 0; i < 4; i++) {
        struct buffer *now = i % 2 ? &b : &a, *next = i % 2 ? &a : &b;

        expect_write(t, e, IOVA + i, now, i, 4, "the page that the leaf names");
        retarget(t, d, IOVA, gpa_of(next->data));
        way(t, d, IOVA, PAGE_SIZE);
        expect_write(t, e, IOVA + i, next, i, 4, "the new page");
        expect_untouched(t, now, "the old page");
    }
}

FLUSH_TESTS(flush_retarget, "retargeted", "FL-2", "dma,flush", "A leaf with a new target is in force after the flush",
            retargeted,
            "The device writes through a leaf; the leaf is pointed at another page and flushed; the device writes "
            "again. Four times to and fro.",
            "Each write lands in the page that the leaf names at that time, and the other page does not change.",
            "The old target is still cached: data lands in a page that now has another owner.")

static void large_unmapped(struct test_run *t, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer_for_leaf(t, SIZE_2M);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    expect_write(t, e, IOVA + 0x3000, &b, 0x3000, 4, "warm");
    expect_write(t, e, IOVA + SIZE_2M - 4, &b, SIZE_2M - 4, 4, "warm at its end");
    unmap(t, d, IOVA, SIZE_2M);
    way(t, d, IOVA, SIZE_2M);
    expect_write_fault(t, e, IOVA + 0x3000, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "where it was used");
    expect_write_fault(t, e, IOVA + 0x100000, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "where it was not used");
    expect_write_fault(t, e, IOVA + SIZE_2M - 4, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "at its end");
}

FLUSH_TESTS(flush_large_unmap, "2m_leaf_removed", "FL-2", "dma,fault,flush",
            "A removed 2 MiB leaf is out of reach everywhere in it after the flush", large_unmapped,
            "The device uses two places of a 2 MiB leaf; the leaf is removed and flushed; the device writes to the "
            "used places and to one that it never used.",
            "All of them fault as not present.", "Only a part of a cached superpage is dropped.")

static void split(struct test_run *t, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct buffer big = buffer_for_leaf(t, SIZE_2M), small = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &big);

    attach(t, d, e);
    expect_write(t, e, IOVA + 7 * PAGE_SIZE, &big, 7 * PAGE_SIZE, 4, "warm through the 2 MiB leaf");
    REQUIRE(stage1_split(&d->table, IOVA) == STAGE1_OK, "splitting our own leaf");
    retarget(t, d, IOVA + 7 * PAGE_SIZE, gpa_of(small.data));
    way(t, d, IOVA, SIZE_2M);
    expect_write(t, e, IOVA + 7 * PAGE_SIZE, &small, 0, 4, "the page with a new target");
    expect_write(t, e, IOVA + 8 * PAGE_SIZE, &big, 8 * PAGE_SIZE, 4, "its neighbour");
    expect_write(t, e, IOVA, &big, 0, 4, "the first page");
    expect_untouched(t, &big, "the 2 MiB region");
}

FLUSH_TESTS(flush_split, "2m_leaf_split", "TR-6 FL-2", "dma,flush",
            "A 2 MiB leaf replaced by 4 KiB leaves is followed page by page after the flush", split,
            "The device uses a page through a 2 MiB leaf; the leaf is split into 512 small ones, of which one gets "
            "another target, and flushed; then the device writes to it, to its neighbour and to the first page.",
            "The one write lands in the new target, the others in the old region, whose page stays unchanged.",
            "The superpage is still cached, as a whole or in part, and hides the small leaves.")

static void merged(struct test_run *t, flush_way *way)
{
    struct dma_engine *e = device(t);
    struct buffer big = buffer_for_leaf(t, SIZE_2M), small = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &big);

    REQUIRE(stage1_split(&d->table, IOVA) == STAGE1_OK, "splitting our own leaf");
    retarget(t, d, IOVA + 7 * PAGE_SIZE, gpa_of(small.data));
    attach(t, d, e);
    expect_write(t, e, IOVA + 7 * PAGE_SIZE, &small, 0, 4, "warm through a 4 KiB leaf");
    expect_write(t, e, IOVA + 8 * PAGE_SIZE, &big, 8 * PAGE_SIZE, 4, "warm neighbour");
    retarget(t, d, IOVA + 7 * PAGE_SIZE, gpa_of(big.data) + 7 * PAGE_SIZE);
    REQUIRE(stage1_merge(&d->table, IOVA, 1, &d->freed) == STAGE1_OK, "merging our own leaves");
    STEP0(t, "replace the 512 leaves of 4 KiB by one 2 MiB leaf");
    way(t, d, IOVA, SIZE_2M);
    expect_write(t, e, IOVA + 7 * PAGE_SIZE, &big, 7 * PAGE_SIZE, 4, "page that had another target");
    expect_write(t, e, IOVA + 100 * PAGE_SIZE, &big, 100 * PAGE_SIZE, 4, "another page");
    expect_untouched(t, &small, "the old target");
}

FLUSH_TESTS(flush_merge, "2m_leaf_merged", "TR-6 FL-2", "dma,flush",
            "4 KiB leaves replaced by a 2 MiB leaf are followed as one after the flush", merged,
            "The device uses two small leaves of 512, one of which has another target; all are replaced by a 2 MiB "
            "leaf and flushed; then the device writes to that page and to another one.",
            "Both writes land in the 2 MiB region; the other target does not change.",
            "Small entries, or the table that they were in, are still cached and hide the superpage.")

static void two_devices(struct test_run *t, flush_way *way)
{
    struct dma_engine *e[3];
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &a);

    for (unsigned i = 0; i < 3; i++) {
        e[i] = device_n(t, i);
        attach(t, d, e[i]);
        warm(t, e[i], IOVA, &a, "old target");
    }
    retarget(t, d, IOVA, gpa_of(b.data));
    way(t, d, IOVA, PAGE_SIZE);
    for (unsigned i = 0; i < 3; i++) {
        expect_write(t, e[i], IOVA + 8 * i, &b, 8 * i, 4, "new target");
    }
    expect_untouched(t, &a, "old target");
}

FLUSH_TESTS(
    flush_devices, "all_devices_of_the_domain", "FL-1 FL-2 ATT-9", "dma,flush",
    "A flush reaches the cached translations of every device in the domain", two_devices,
    "Three devices in one domain use a page; its leaf is pointed at another page and flushed once; then all three "
    "write.",
    "All three writes land in the new page, and the old one does not change.",
    "The flush reaches one device only: look at caches by device, and at domains that are behind several units.")
