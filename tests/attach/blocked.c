/* SPDX-License-Identifier: MIT */
/* Blocking domains: every access of an attached device aborts (ATT-6, ATT-7). */
#include "tests/harness/fixture.h"

#define TEST_GROUP "blocked"

TEST(writes_abort,
     PROMISE("A device in a blocking domain writes nowhere")
     COVERS("ATT-7 CFG-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device is attached to a blocking domain and writes to the address of a page, to "
           "address 0 and to an arbitrary IOVA.")
     EXPECTS("No byte of the page changes; a fault record, where there is one, says blocked.")
     IF_IT_FAILS("The blocking domain passes DMA through or has tables of its own. A guest uses it "
                 "for every device without a driver, so that any device could write anywhere."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_blocked(t);
    struct buffer b = buffer(t, 1);

    attach(t, d, e);
    expect_write_fault(t, e, gpa_of(b.data), 64, &b, ORACLE_FAULT_CLASS_BLOCKED,
                       "write at the buffer's GPA");
    expect_write_fault(t, e, 0, 64, &b, ORACLE_FAULT_CLASS_BLOCKED, "write at 0");
    expect_write_fault(t, e, IOVA, 64, &b, ORACLE_FAULT_CLASS_BLOCKED, "write at some IOVA");
}

TEST(reads_abort,
     PROMISE("A device in a blocking domain reads nothing, and its writes are dropped")
     COVERS("ATT-7") DEVICES(ALL) KINDS("dma fault")
     STEPS("In a blocking domain the device reads the bytes at the address of a page, and at an "
           "arbitrary IOVA, inverts them and writes them back to where they came from.")
     EXPECTS("Nothing changes in memory; a fault record, where there is one, names a read that was "
             "blocked.")
     IF_IT_FAILS("The block covers writes only, or is checked for writes only. Look at the read "
                 "permission of the tables that the host uses for a blocking domain."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_blocked(t);
    struct buffer b = buffer(t, 1);

    attach(t, d, e);
    expect_read_fault(t, e, gpa_of(b.data), 64, &b, ORACLE_FAULT_CLASS_BLOCKED,
                      "read at the buffer's GPA");
    expect_read_fault(t, e, IOVA, 4, &b, ORACLE_FAULT_CLASS_BLOCKED, "read at some IOVA");
}

TEST(reads_see_nothing,
     PROMISE("A device that is blocked does not read the memory's content")
     COVERS("ATT-7 TR-1") DEVICES(READING) KINDS("dma")
     STEPS("The device reads a mapped page, which shows that reading works. The page is unmapped "
           "and flushed, and the device reads its IOVA. It is attached to a blocking domain and "
           "reads at the address of the page.")
     EXPECTS("The first read shows the bytes of the page. The later ones show none of them.")
     IF_IT_FAILS("Reads that fault must not return memory: this host aborts a refused read too "
                 "late, or does not refuse it. Data of the guest leak to a device that has no "
                 "driver any more."))
{
    struct dma_engine *e = device(t);
    struct buffer secret = buffer(t, 1);
    struct domain *blocked = domain_blocked(t), *paging = domain_mapping(t, IOVA, &secret);
    uint8_t seen[16];

    attach(t, paging, e);
    stage(t, paging, e);
    if (!(e->ops->features & DMA_SLOW)) {
        expect_read(t, e, IOVA, sizeof(seen), secret.data,
                    "paging domain: the device sees the bytes");
    }
    unmap(t, paging, IOVA, PAGE_SIZE);
    flush(t, paging);
    REQUIRE(dma_read(e, IOVA, seen, sizeof(seen)), "the device did not finish");
    drain_faults(t, e);
    for (size_t i = 0; i < sizeof(seen); i++)
        CHECK(seen[i] != POISON_FRESH, "byte %zu of an unmapped page was seen by the device", i);
    if (e->ops->features & DMA_STAGED)
        return; /* what it reads while it is blocked it cannot hand over */
    attach(t, blocked, e);
    CHECK(!dma_read(e, gpa_of(secret.data), seen, sizeof(seen)) ||
              memory_find_other(seen, sizeof(seen), POISON_FRESH),
          "a blocked device has seen the page");
    drain_faults(t, e);
}

TEST(cached_translation_dies,
     PROMISE("Attaching a blocking domain stops a device whose translations are cached")
     COVERS("ATT-7 ATT-4 ATT-6") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device uses one of two mapped pages, so that its translation is cached, and is "
           "attached to a blocking domain. It writes to and reads from this page, and writes to "
           "the page that it never used.")
     EXPECTS("All three accesses are refused, and both pages stay as they were.")
     IF_IT_FAILS("The used page is reached: ATTACH to a blocking domain does not flush the caches. "
                 "The unused page is reached: the blocking domain leaves the old tables in force."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *blocked = domain_blocked(t), *paging = domain_mapping(t, IOVA, &b);

    attach(t, paging, e);
    warm(t, e, IOVA, &b, "paging domain");
    attach(t, blocked, e);
    expect_write_fault(t, e, IOVA, 8, &b, ORACLE_FAULT_CLASS_BLOCKED, "warm page, now blocked");
    expect_read_fault(t, e, IOVA, 8, &b, ORACLE_FAULT_CLASS_BLOCKED, "warm page, read");
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 8, &b, ORACLE_FAULT_CLASS_BLOCKED, "cold page");
}

TEST(identity_dies,
     PROMISE("Attaching a blocking domain stops a device that came from an identity domain")
     COVERS("ATT-7 ATT-4 ATT-6") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes to a page by its address in an identity domain, then is attached to "
           "a blocking domain and writes there again.")
     EXPECTS("The first write lands, the second changes nothing.")
     IF_IT_FAILS("One-to-one translations that are cached, or the mode itself, outlive the switch: "
                 "a device that is blocked still reaches the whole memory of the guest."))
{
    struct dma_engine *e = device(t);
    struct domain *blocked = domain_blocked(t), *identity = domain_identity(t);
    struct buffer b = buffer(t, 1);

    attach(t, identity, e);
    warm(t, e, gpa_of(b.data), &b, "identity domain");
    attach(t, blocked, e);
    expect_write_fault(t, e, gpa_of(b.data), 8, &b, ORACLE_FAULT_CLASS_BLOCKED,
                       "warm GPA, now blocked");
}

TEST(paging_works_again,
     PROMISE("A device goes from paging to blocking and back twenty times, and each state holds")
     COVERS("ATT-6 ATT-2") DEVICES(ALL) KINDS("dma fault")
     STEPS("Twenty times in a row the device is attached to a paging domain and writes, then to a "
           "blocking domain and writes to the same IOVA.")
     EXPECTS("All twenty writes in the paging domain land; none of those in the blocking domain "
             "does.")
     IF_IT_FAILS("The switch to blocking loses something that the way back needs, or one of the "
                 "switches is not flushed. The number of the round is in the steps."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *blocked = domain_blocked(t), *paging = domain_mapping(t, IOVA, &b);

    for (unsigned i = 0; i < 20; i++) {
        attach(t, paging, e);
        expect_write(t, e, IOVA + 8 * i, &b, 8 * i, 8, "paging");
        attach(t, blocked, e);
        expect_write_fault(t, e, IOVA + 8 * i, 8, &b, ORACLE_FAULT_CLASS_BLOCKED, "blocked");
    }
}

TEST(two_blocking_domains,
     PROMISE("A device may move from one blocking domain to another and stays blocked")
     COVERS("ATT-6") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device is attached to a blocking domain, then to another one, and writes to the "
           "address of a page. The first blocking domain is deleted, and it writes again.")
     EXPECTS("ATTACH and DELETE succeed, and neither write changes the page.")
     IF_IT_FAILS("The host has one blocking state for all and counts its users wrongly: leaving "
                 "one such domain, or deleting it, opens the way for devices of another."))
{
    struct dma_engine *e = device(t);
    struct domain *first = domain_blocked(t), *second = domain_blocked(t);
    struct buffer b = buffer(t, 1);

    attach(t, first, e);
    attach(t, second, e);
    expect_write_fault(t, e, gpa_of(b.data), 8, &b, ORACLE_FAULT_CLASS_BLOCKED,
                       "second blocking domain");
    delete_domain(t, first);
    expect_write_fault(t, e, gpa_of(b.data), 8, &b, ORACLE_FAULT_CLASS_BLOCKED,
                       "after the first is deleted");
}
