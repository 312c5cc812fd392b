/* SPDX-License-Identifier: MIT */
/*
 * Flush ordering: once the flush call has returned, no DMA uses what the tables said before (FL-1,
 * FL-2).
 *
 * Each promise is tried with the flush of the whole domain and with the list flush of exactly the
 * range. All pages are used by the device right before the change, so that they are cached wherever
 * the host caches. Without the flush the device may go on with the old translation: only then does
 * the test show anything.
 */
#include "lib/string.h"
#include "tests/harness/flush_ways.h"

#define TEST_GROUP "flush"
/* The ways to flush; each test below exists once for each of them. */
#define FLUSH_WAYS(ROW, test)                                                                      \
    ROW(test, domain_flush, flush_by_domain,                                                       \
        WORD(way, "FLUSH_DEVICE_DOMAIN") WORD(call, "FLUSH_DEVICE_DOMAIN"))                        \
    ROW(test, list_flush, flush_list,                                                              \
        WORD(way, "list flush, exact blocks")                                                      \
            WORD(call, "a list of exactly the blocks that changed") COVERS("LS-1"))                \
    ROW(test, covering_flush, flush_by_cover,                                                      \
        WORD(way, "list flush, one covering block")                                                \
            WORD(call, "a list of one block around the change") COVERS("LS-1"))                    \
    ROW(test, full_range_flush, flush_by_everything,                                               \
        WORD(way, "list flush of everything (page 0, shift 52)")                                   \
            WORD(call, "a list of the one element that means everything") COVERS("LS-2"))
/* clang-format on */

VARIANTS(flush_way *const, ways, FLUSH_WAYS);

TEST_EACH(unmapped, FLUSH_WAYS,
          PROMISE("Unmapped pages are out of reach after the flush: {way}")
          COVERS("FL-1") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("The device uses five pages; the three in the middle are unmapped and flushed; "
                "then the device writes and reads all of them. The flush is {call}.")
          EXPECTS("The three fault as not present for writes and reads and do not change; the two "
                  "beside them still work.")
          IF_IT_FAILS("A cached translation outlives the flush: the device writes to memory that "
                      "the guest has given to another owner."))
{
    flush_way *way = VARIANT(ways);
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 5);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    for (unsigned i = 0; i < 5; i++)
        expect_write(t, e, IOVA + i * PAGE_SIZE, &b, i * PAGE_SIZE, 4, "warm");
    unmap(t, d, IOVA + PAGE_SIZE, 3 * PAGE_SIZE);
    way(t, d, IOVA + PAGE_SIZE, 3 * PAGE_SIZE);
    for (unsigned i = 1; i < 4; i++) {
        expect_write_fault(t, e, IOVA + i * PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "unmapped and flushed");
        expect_read_fault(t, e, IOVA + i * PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                          "unmapped and flushed");
    }
    expect_write(t, e, IOVA, &b, 0, 4, "neighbor before");
    expect_write(t, e, IOVA + 4 * PAGE_SIZE, &b, 4 * PAGE_SIZE, 4, "neighbor after");
}

TEST_EACH(downgraded, FLUSH_WAYS,
          PROMISE("Pages made read-only cannot be written after the flush: {way}")
          COVERS("FL-2") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("The device writes two pages; both are made read-only and flushed; then the device "
                "writes again. The flush is {call}.")
          EXPECTS("Both writes are denied and change nothing.")
          IF_IT_FAILS("The cached permission outlives the flush: a device can write what it was "
                      "only to read from now on."))
{
    flush_way *way = VARIANT(ways);
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    warm(t, e, IOVA, &b, "writable");
    expect_write(t, e, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 4, "writable");
    REQUIRE(stage1_protect(&d->table, IOVA, 2 * PAGE_SIZE, STAGE1_READ) == STAGE1_OK,
            "protecting our own table");
    STEP("make both pages read-only");
    way(t, d, IOVA, 2 * PAGE_SIZE);
    expect_write_fault(t, e, IOVA, 4, &b, ORACLE_FAULT_CLASS_WRITE_DENIED, "read-only now");
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 4, &b, ORACLE_FAULT_CLASS_WRITE_DENIED,
                       "read-only now");
}

TEST_EACH(upgraded, FLUSH_WAYS,
          PROMISE("A page made writable can be written after the flush: {way}")
          COVERS("FL-2") DEVICES(ALL) KINDS("dma flush")
          STEPS("The device reads a read-only page, and its write is denied; the page is made "
                "writable and flushed; then the device writes. The flush is {call}.")
          EXPECTS("The write lands.")
          IF_IT_FAILS("The cached permission outlives the flush: a driver sees a fault for a page "
                      "that it may write."))
{
    flush_way *way = VARIANT(ways);
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    map(t, d, IOVA, &b, STAGE1_READ);
    attach(t, d, e);
    read_and_try_to_write(t, e, IOVA, 4);
    expect_untouched(t, &b, "read-only page");
    REQUIRE(stage1_protect(&d->table, IOVA, PAGE_SIZE, RW) == STAGE1_OK,
            "protecting our own table");
    STEP("make the page writable");
    way(t, d, IOVA, PAGE_SIZE);
    expect_write(t, e, IOVA, &b, 0, 4, "writable now");
}

TEST_EACH(retargeted, FLUSH_WAYS,
          PROMISE("A leaf with a new target is in force after the flush: {way}")
          COVERS("FL-2") DEVICES(ALL) KINDS("dma flush")
          STEPS("The device writes through a leaf; the leaf is pointed at another page and "
                "flushed; the device writes again. Four times to and fro. The flush is {call}.")
          EXPECTS("Each write lands in the page that the leaf names at that time, and the other "
                  "page does not change.")
          IF_IT_FAILS("The old target is still cached: data lands in a page that now has another "
                      "owner."))
{
    flush_way *way = VARIANT(ways);
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

TEST_EACH(2m_leaf_removed, FLUSH_WAYS,
          PROMISE("A removed 2 MiB leaf is out of reach everywhere in it after the flush: {way}")
          COVERS("FL-2") DEVICES(ALL) KINDS("dma fault flush")
          STEPS("The device uses two places of a 2 MiB leaf; the leaf is removed and flushed; the "
                "device writes to the used places and to one that it never used. The flush is "
                "{call}.")
          EXPECTS("All of them fault as not present.")
          IF_IT_FAILS("Only a part of a cached superpage is dropped."))
{
    flush_way *way = VARIANT(ways);
    struct dma_engine *e = device(t);
    struct buffer b = buffer_for_leaf(t, SIZE_2M);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    expect_write(t, e, IOVA + 0x3000, &b, 0x3000, 4, "warm");
    expect_write(t, e, IOVA + SIZE_2M - 4, &b, SIZE_2M - 4, 4, "warm at its end");
    unmap(t, d, IOVA, SIZE_2M);
    way(t, d, IOVA, SIZE_2M);
    expect_write_fault(t, e, IOVA + 0x3000, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "where it was used");
    expect_write_fault(t, e, IOVA + 0x100000, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "where it was not used");
    expect_write_fault(t, e, IOVA + SIZE_2M - 4, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "at its end");
}

TEST_EACH(2m_leaf_split, FLUSH_WAYS,
          PROMISE("A 2 MiB leaf replaced by 4 KiB leaves is followed page by page after the flush: "
                  "{way}")
          COVERS("TR-6 FL-2") DEVICES(ALL) KINDS("dma flush")
          STEPS("The device uses a page through a 2 MiB leaf; the leaf is split into 512 small "
                "ones, of which one gets another target, and flushed; then the device writes to "
                "it, to its neighbor and to the first page. The flush is {call}.")
          EXPECTS("The one write lands in the new target, the others in the old region, whose page "
                  "stays unchanged.")
          IF_IT_FAILS("The superpage is still cached, as a whole or in part, and hides the small "
                      "leaves."))
{
    flush_way *way = VARIANT(ways);
    struct dma_engine *e = device(t);
    struct buffer big = buffer_for_leaf(t, SIZE_2M), small = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &big);

    attach(t, d, e);
    expect_write(t, e, IOVA + 7 * PAGE_SIZE, &big, 7 * PAGE_SIZE, 4, "warm through the 2 MiB leaf");
    REQUIRE(stage1_split(&d->table, IOVA) == STAGE1_OK, "splitting our own leaf");
    retarget(t, d, IOVA + 7 * PAGE_SIZE, gpa_of(small.data));
    way(t, d, IOVA, SIZE_2M);
    expect_write(t, e, IOVA + 7 * PAGE_SIZE, &small, 0, 4, "the page with a new target");
    expect_write(t, e, IOVA + 8 * PAGE_SIZE, &big, 8 * PAGE_SIZE, 4, "its neighbor");
    expect_write(t, e, IOVA, &big, 0, 4, "the first page");
    expect_untouched(t, &big, "the 2 MiB region");
}

TEST_EACH(2m_leaf_merged, FLUSH_WAYS,
          PROMISE("4 KiB leaves replaced by a 2 MiB leaf are followed as one after the flush: "
                  "{way}")
          COVERS("TR-6 FL-2") DEVICES(ALL) KINDS("dma flush")
          STEPS("The device uses two small leaves of 512, one of which has another target; all are "
                "replaced by a 2 MiB leaf and flushed; then the device writes to that page and to "
                "another one. The flush is {call}.")
          EXPECTS("Both writes land in the 2 MiB region; the other target does not change.")
          IF_IT_FAILS("Small entries, or the table that they were in, are still cached and hide "
                      "the superpage."))
{
    flush_way *way = VARIANT(ways);
    struct dma_engine *e = device(t);
    struct buffer big = buffer_for_leaf(t, SIZE_2M), small = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &big);

    REQUIRE(stage1_split(&d->table, IOVA) == STAGE1_OK, "splitting our own leaf");
    retarget(t, d, IOVA + 7 * PAGE_SIZE, gpa_of(small.data));
    attach(t, d, e);
    expect_write(t, e, IOVA + 7 * PAGE_SIZE, &small, 0, 4, "warm through a 4 KiB leaf");
    expect_write(t, e, IOVA + 8 * PAGE_SIZE, &big, 8 * PAGE_SIZE, 4, "warm neighbor");
    retarget(t, d, IOVA + 7 * PAGE_SIZE, gpa_of(big.data) + 7 * PAGE_SIZE);
    REQUIRE(stage1_merge(&d->table, IOVA, 1, &d->freed) == STAGE1_OK, "merging our own leaves");
    STEP("replace the 512 leaves of 4 KiB by one 2 MiB leaf");
    way(t, d, IOVA, SIZE_2M);
    expect_write(t, e, IOVA + 7 * PAGE_SIZE, &big, 7 * PAGE_SIZE, 4,
                 "page that had another target");
    expect_write(t, e, IOVA + 100 * PAGE_SIZE, &big, 100 * PAGE_SIZE, 4, "another page");
    expect_untouched(t, &small, "the old target");
}

TEST_EACH(all_devices_of_the_domain, FLUSH_WAYS,
          PROMISE("A flush reaches the cached translations of every device in the domain: {way}")
          COVERS("FL-1 FL-2 ATT-9") DEVICES(ALL) KINDS("dma flush")
          STEPS("Three devices in one domain use a page; its leaf is pointed at another page and "
                "flushed once; then all three write. The flush is {call}.")
          EXPECTS("All three writes land in the new page, and the old one does not change.")
          IF_IT_FAILS("The flush reaches one device only: look at caches by device, and at domains "
                      "that are behind several units."))
{
    flush_way *way = VARIANT(ways);
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
    for (unsigned i = 0; i < 3; i++)
        expect_write(t, e[i], IOVA + 8 * i, &b, 8 * i, 4, "new target");
    expect_untouched(t, &a, "old target");
}
