/* SPDX-License-Identifier: MIT */
/*
 * Memory changes its owner as early as the ABI allows, while the device never stops its DMA: pages
 * and tables directly after the flush (FL-6, LS-8), and all tables of a domain directly after the
 * ATTACH that takes its last device away, before DELETE (DEL-1). Operating systems do the same: an
 * allocator gives a freed page to the next user in the same microsecond.
 *
 * Most tests look at a page after a flush with its old content still there. A host that walks on
 * through a freed table then reads the old entries, and all looks right. Here the freed table
 * becomes other data inside of the call that frees it (tests/harness/reused_tables.h): each of its
 * 512 words looks like an entry that leads to a chain of poisoned tables and at last to a trap
 * page, whatever level the host takes the table for. A walk through it writes the trap. A host that
 * writes accessed and dirty bits back late changes the data itself, which is compared as well.
 *
 * The device writes to one IOVA without end, so that a request is in flight at every call. Each
 * round maps, checks that the device reaches the page (otherwise nothing was cached, and the round
 * would prove nothing), takes the page or the tables away, and looks DMA_SETTLE_EXITS exits later.
 *
 * Three things could hide a defect. The allocator could give the same page back: the tables go to
 * the test instead of to the pool. The trap could be written before the data changed hands: it is
 * checked in each round, and the number of pages that changed hands is checked. One kind of flush
 * could cover for the other: domain flush and list flush take turns, as do paging and blocking
 * domains as the new domain of the device.
 */
#include "tests/harness/reused_tables.h"

#include "lib/string.h"
#include "tests/harness/continuous_dma.h"

#define TEST_GROUP "lifetime"
#define SLOT       1u
#define LENGTH     64u
#define BELOW_ROOT 3u /* tables of a four-level walk to one page, but for the top */

static void flush_either(struct test_run *t, struct domain *d, unsigned round)
{
    if (round % 2)
        flush_list(t, d, IOVA, PAGE_SIZE);
    else
        flush(t, d);
}

TEST(pages_reused_at_once,
     PROMISE("Sixty pages are freed right after their flush, and none is written any more by the "
             "device that used them")
     COVERS("FL-6 FL-1 FL-3") DEVICES(PROBE) KINDS("dma flush")
     STEPS("A device writes to one IOVA over and over. Sixty times the guest maps a new page "
           "there, unmaps it, flushes (by domain or by list, in turn), and frees the page, which "
           "poisons it.")
     EXPECTS("The page is written while it is mapped, and never once it was freed.")
     IF_IT_FAILS("DMA through the old mapping outlives the flush. Look at the wait for requests in "
                 "flight."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    uint8_t value = e->ops->fill_value;

    attach(t, d, e);
    continuous_dma_start(t, e, SLOT, IOVA, LENGTH, value);
    for (unsigned i = 0; i < 60; i++) {
        struct buffer b = buffer(t, 1);
        const uint8_t *freed = b.data;

        map(t, d, IOVA, &b, RW);
        continuous_dma_pass(e, DMA_SETTLE_EXITS);
        CHECK(!memory_find_other(b.data, LENGTH, value), "round %u: the mapped page is not reached",
              i);
        unmap(t, d, IOVA, PAGE_SIZE);
        flush_either(t, d, i);
        buffer_free(&b);
        continuous_dma_pass(e, DMA_SETTLE_EXITS);
        CHECK(!memory_find_other(freed, PAGE_SIZE, POISON_FREE),
              "round %u: a page was written after it was freed", i);
    }
    (void)continuous_dma_stop(t, e, SLOT);
}

TEST(tables_reused_after_flush,
     PROMISE("Tables that an unmap has emptied are other data right after the flush, and the host "
             "neither reads nor writes them")
     COVERS("LS-8 FL-1 FL-6") DEVICES(PROBE) KINDS("dma flush")
     STEPS("A device writes to one IOVA over and over. Forty times the guest maps a page there and "
           "unmaps it, which empties the tables after it, flushes (by domain or by list, in turn), "
           "frees the tables, and uses their pages for data that look like entries and lead to a "
           "trap.")
     EXPECTS("The data stay as they are, and the trap is not written.")
     IF_IT_FAILS("The host walks on through tables that are free, or writes accessed and dirty "
                 "bits back late. Look at the page-walk caches."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);
    struct reused_tables reused = reused_tables_new(t);

    reused_tables_collect(&reused, d);
    attach(t, d, e);
    continuous_dma_start(t, e, SLOT, IOVA, LENGTH, e->ops->fill_value);
    for (unsigned i = 0; i < 40; i++) {
        map(t, d, IOVA, &b, RW);
        continuous_dma_pass(e, DMA_SETTLE_EXITS);
        CHECK(!memory_find_other(b.data, LENGTH, e->ops->fill_value),
              "round %u: the mapped page is not reached", i);
        unmap(t, d, IOVA, PAGE_SIZE);
        reused.count = 0;
        flush_either(t, d, i);
        buffer_refresh(&b);
        continuous_dma_pass(e, DMA_SETTLE_EXITS);
        reused_tables_check(t, &reused, BELOW_ROOT, "after the flush");
        expect_untouched(t, &b, "the page that was unmapped");
    }
    (void)continuous_dma_stop(t, e, SLOT);
}

TEST(tables_reused_before_delete,
     PROMISE("All tables of a domain are other data as soon as its last device has left, before "
             "DELETE, during continuous DMA")
     COVERS("DEL-1 DEL-3 DEL-5 ATT-4") DEVICES(PROBE) KINDS("dma")
     STEPS("A device writes to one IOVA over and over. Twenty times it moves from a paging domain "
           "to another one, or to a blocking one; all tables of the domain that it left are freed "
           "and used for data that look like entries and lead to a trap; then the domain is "
           "deleted, and its id is used again with new tables.")
     EXPECTS("Neither the move nor DELETE nor any DMA changes the data or the trap, and the page "
             "of the old domain is not written any more.")
     IF_IT_FAILS("The host keeps translations of a domain without devices, waits for nothing when "
                 "its last device leaves, or looks at the top table in DELETE."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1), c = buffer(t, 1);
    struct domain *other = domain_mapping(t, IOVA, &c), *blocked = domain_blocked(t), d;
    struct reused_tables reused = reused_tables_new(t);
    uint32_t id = fresh_domain_id(t);

    attach(t, other, e);
    continuous_dma_start(t, e, SLOT, IOVA, LENGTH, e->ops->fill_value);
    for (unsigned i = 0; i < 20; i++) {
        CHECK(domain_create(&d, DOMAIN_PAGING, id, 0, 0, NULL), "round %u: creating the id again",
              i);
        reused_tables_collect(&reused, &d);
        map(t, &d, IOVA, &b, RW);
        attach(t, &d, e);
        continuous_dma_pass(e, DMA_SETTLE_EXITS);
        CHECK(!memory_find_other(b.data, LENGTH, e->ops->fill_value),
              "round %u: the new tables are not in force", i);
        attach(t, i % 2 ? blocked : other, e);
        reused.count = 0;
        stage1_destroy(&d.table);
        d.table.root = NULL; /* nothing is left to free for the driver */
        buffer_refresh(&b);
        continuous_dma_pass(e, DMA_SETTLE_EXITS);
        reused_tables_check(t, &reused, BELOW_ROOT + 1, "before DELETE");
        delete_domain(t, &d);
        continuous_dma_pass(e, DMA_SETTLE_EXITS);
        reused_tables_check(t, &reused, BELOW_ROOT + 1, "after DELETE");
        expect_untouched(t, &b, "the page of the domain that was left");
    }
    (void)continuous_dma_stop(t, e, SLOT);
}
