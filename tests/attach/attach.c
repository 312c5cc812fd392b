/* SPDX-License-Identifier: MIT */
/* Attach moves a device between domains as one step, and takes its cached translations with it
 * (ATT-1 to ATT-9). */
#include "lib/bits.h"
#include "tests/harness/flush_ways.h"

#define TEST_GROUP "attach"

TEST(next_dma_uses_the_domain,
     PROMISE("The first DMA after an attach is translated by the domain's tables")
     COVERS("ATT-1") DEVICES(ALL) KINDS("dma")
     STEPS("Maps one page in a new domain, attaches the device and has it write 64 bytes at that "
           "IOVA as its very first DMA.")
     EXPECTS("The 64 bytes are in the page, and no other byte of it or of its guards has changed.")
     IF_IT_FAILS("ATTACH returns before the device uses the new tables, or installs another root "
                 "than the domain has. Look at the update of the context entry and at the flush of "
                 "the context cache after it."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    stage(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 64, "first DMA");
}

TEST(moves_without_detach,
     PROMISE("A device that is in one domain is attached to another without a detach")
     COVERS("ATT-2 ATT-1") DEVICES(ALL) KINDS("dma")
     STEPS("Two domains map one IOVA to page A and to page B. The device is attached to the first "
           "and writes, then is attached to the second, without DETACH, and writes again.")
     EXPECTS("Both ATTACH calls succeed. The first write is in A, the second in B, and A does not "
             "change any more.")
     IF_IT_FAILS("A refused second ATTACH: the host asks for a DETACH that guests do not send. A "
                 "write that still lands in A: the old context entry or cached translations "
                 "outlive the move."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *first = domain_mapping(t, IOVA, &a), *second = domain_mapping(t, IOVA, &b);

    attach(t, first, e);
    expect_write(t, e, IOVA, &a, 0, 64, "first domain");
    attach(t, second, e);
    expect_write(t, e, IOVA + 64, &b, 64, 64, "second domain");
    expect_untouched(t, &a, "the page of the domain that the device has left");
}

TEST(no_stale_translation_after_move,
     PROMISE("After a move an IOVA that only the old domain maps aborts, although it was cached")
     COVERS("ATT-4") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes to four pages of its domain, so that all are cached, and is attached "
           "to an empty domain. It writes to the same four IOVAs; there was no flush.")
     EXPECTS("No byte of the four pages changes; faults, where they are recorded, say not present.")
     IF_IT_FAILS("ATTACH does not invalidate what the device has cached, although guests leave "
                 "that to the host. The device goes on writing to memory of a domain that it has "
                 "left."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 4);
    struct domain *first = domain_mapping(t, IOVA, &a), *second = domain_paging(t);

    attach(t, first, e);
    for (unsigned i = 0; i < 4; i++)
        expect_write(t, e, IOVA + i * PAGE_SIZE, &a, i * PAGE_SIZE, 4, "warm in the old domain");
    attach(t, second, e);
    for (unsigned i = 0; i < 4; i++) {
        expect_write_fault(t, e, IOVA + i * PAGE_SIZE, 4, &a, ORACLE_FAULT_CLASS_NOT_PRESENT,
                           "old translation");
    }
}

TEST(back_and_forth,
     PROMISE("A device that alternates between two domains thirty times always sees the one it is "
             "in")
     COVERS("ATT-4 ATT-2") DEVICES(ALL) KINDS("dma")
     STEPS("Two domains map one IOVA to different pages. Thirty times the device is attached to "
           "the one and writes, then to the other and writes, each time some bytes further on.")
     EXPECTS("Each write lands in the page of the domain that the device is in at that time, and "
             "the other page stays as it was.")
     IF_IT_FAILS("Translations of the earlier visit are used again: the DID of a domain is reused "
                 "while its cached entries are valid, or only every second move flushes."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *first = domain_mapping(t, IOVA, &a), *second = domain_mapping(t, IOVA, &b);

    for (unsigned i = 0; i < 30; i++) {
        attach(t, first, e);
        expect_write(t, e, IOVA + i, &a, i, 32, "first domain");
        expect_untouched(t, &b, "second domain's page meanwhile");
        attach(t, second, e);
        expect_write(t, e, IOVA + i, &b, i, 32, "second domain");
        expect_untouched(t, &a, "first domain's page meanwhile");
    }
}

TEST(same_domain_again,
     PROMISE("Attaching a device to the domain it is in answers SUCCESS or "
             "DEVICE_ALREADY_IN_DOMAIN and changes nothing")
     COVERS("ATT-3") DEVICES(ALL) KINDS("dma")
     STEPS("The device is in a domain and has a page cached. It is attached to this same domain "
           "three more times, and writes after each.")
     EXPECTS("Every call answers SUCCESS or DEVICE_ALREADY_IN_DOMAIN; the page is reached as "
             "before. The status is recorded.")
     IF_IT_FAILS("Guests keep no record of attachments and repeat them. Another status makes their "
                 "driver give up on the device; a lost write shows that the repeated call took the "
                 "device apart."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    enum hv_status status;

    attach(t, d, e);
    warm(t, e, IOVA, &b, "before");
    for (unsigned i = 0; i < 3; i++) {
        status = domain_attach(d, e->device_id);
        if (status != HV_STATUS_DEVICE_ALREADY_IN_DOMAIN)
            CHECK_SUCCESS(status, "attaching a device again to the same domain");
        expect_write(t, e, IOVA + 100, &b, 100, 16, "after");
    }
    OBSERVE("status of a repeated attach: %s", hv_status_name(status));
}

TEST(edits_while_away_are_seen,
     PROMISE("Table changes that were flushed while the device was elsewhere are in force when it "
             "comes back, and so are new mappings without a flush")
     COVERS("ATT-4 FL-1 FL-3") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("The device uses a page of its domain and is attached elsewhere. Meanwhile this page is "
           "unmapped and another one is mapped. The device comes back and writes to both IOVAs. "
           "Three times: with a flush of the domain meanwhile, with a list flush, without any.")
     EXPECTS("After a flush the unmapped IOVA faults as not present and its page stays as it was; "
             "without one the write may land there. The newly mapped page is reached; the page of "
             "the other domain stays as it was.")
     IF_IT_FAILS("The host takes a domain that no device is in for one of which nothing is cached, "
                 "but keeps its entries when the last device leaves: a flush meanwhile does not "
                 "reach them, and they serve the device after its return."))
{
    static flush_way *const ways[] = {flush_by_domain, flush_list, NULL};
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1), c = buffer(t, 1);
    struct domain *d = domain_paging(t), *other = domain_mapping(t, IOVA, &c);

    for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
        uint64_t added = IOVA + (1 + i) * PAGE_SIZE;

        attach(t, d, e);
        map(t, d, IOVA, &a, RW);
        warm(t, e, IOVA, &a, "before");
        attach(t, other, e);
        unmap(t, d, IOVA, PAGE_SIZE);
        map(t, d, added, &b, RW);
        if (ways[i])
            ways[i](t, d, IOVA, PAGE_SIZE);
        attach(t, d, e);
        if (ways[i])
            expect_write_fault(t, e, IOVA, 4, &a, ORACLE_FAULT_CLASS_NOT_PRESENT,
                               "page unmapped and flushed while the device was away");
        else
            OBSERVE("page unmapped without a flush while the device was away: %s",
                    may_write(t, e, IOVA, &a, 0, 4, "unmapped") ? "still reached" : "out of reach");
        expect_write(t, e, added, &b, 0, 4, "page mapped while the device was away");
        expect_untouched(t, &c, "the other domain's page");
    }
}

/* Checks which page a device reaches at the GPA of `b` as IOVA in each of the three kinds of
 * domain. */
static void expect_kind(struct test_run *t, struct dma_engine *e, enum domain_kind kind,
                        struct buffer *b, struct buffer *paged)
{
    switch (kind) {
    case DOMAIN_IDENTITY:
        expect_write(t, e, gpa_of(b->data) + 8, b, 8, 8, "identity: at the GPA");
        break;
    case DOMAIN_BLOCKED:
        expect_write_fault(t, e, gpa_of(b->data) + 8, 8, b, ORACLE_FAULT_CLASS_BLOCKED, "blocked");
        break;
    case DOMAIN_PAGING:
        expect_write(t, e, gpa_of(b->data) + 8, paged, 8, 8, "paging: at the leaf's target");
        break;
    }
    expect_untouched(t, b, "the page at the GPA");
    expect_untouched(t, paged, "the page that the leaf maps");
}

TEST(all_kinds_to_all_kinds,
     PROMISE("Each of the nine moves between paging, identity and blocking domains takes effect at "
             "once")
     COVERS("ATT-4 ATT-2 ATT-7 ID-2") DEVICES(ALL) KINDS("dma fault")
     STEPS("There are two paging, two identity and two blocking domains. For each of the nine "
           "pairs of kinds the device is attached to one of the first kind, writes to the address "
           "of a page, is attached to one of the second kind, and writes again.")
     EXPECTS("In an identity domain the bytes are at the address itself, in a paging domain in the "
             "page that the leaf maps, in a blocking domain nowhere. Nothing else changes.")
     IF_IT_FAILS("The report names the pair. One of the switches leaves the old mode or old cached "
                 "translations in force; worst is one out of identity, which leaves all memory of "
                 "the guest open to the device."))
{
    struct dma_engine *e = device(t);
    struct domain *of[2][3];
    struct buffer b = buffer(t, 1), paged = buffer(t, 1);

    for (unsigned i = 0; i < 2; i++) {
        of[i][DOMAIN_IDENTITY] = domain_identity(t);
        of[i][DOMAIN_BLOCKED] = domain_blocked(t);
        of[i][DOMAIN_PAGING] = domain_paging(t);
        map(t, of[i][DOMAIN_PAGING], gpa_of(b.data), &paged, RW);
    }
    for (unsigned from = 0; from < 3; from++) {
        for (unsigned to = 0; to < 3; to++) {
            attach(t, of[0][from], e);
            expect_kind(t, e, (enum domain_kind)from, &b, &paged);
            attach(t, of[1][to], e);
            expect_kind(t, e, (enum domain_kind)to, &b, &paged);
        }
    }
}

TEST(one_device_through_eight_domains,
     PROMISE("One device visits eight domains in turn, twice, and each sends the same IOVA to its "
             "own page")
     COVERS("ATT-9 ATT-4") DEVICES(ALL) KINDS("dma")
     STEPS("Eight domains map one IOVA to eight different pages. The device visits all of them in "
           "turn, twice, and writes once in each.")
     EXPECTS("Every write is in the page of the domain that is visited, and nowhere else.")
     IF_IT_FAILS("The host mixes up domains: too few DIDs, DIDs used again without a flush, or a "
                 "root that is kept per device instead of per domain."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 8);
    struct domain *d[8];

    for (unsigned i = 0; i < 8; i++) {
        d[i] = domain_paging(t);
        map_gpa(t, d[i], IOVA, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
    }
    for (unsigned i = 0; i < 16; i++) {
        attach(t, d[i % 8], e);
        expect_write(t, e, IOVA + i, &b, i % 8 * PAGE_SIZE + i, 24, "this domain's page");
    }
}

TEST(unknown_device_is_refused,
     PROMISE("Attaching a device id that does not exist is refused, and the devices in the domain "
             "stay as they are")
     COVERS("ATT-8") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("A device is in a domain with one page. ATTACH is called for this domain with five "
           "device ids that no device has, among them 0xFFFF and one that is all ones; a random id "
           "stands for one that the host reports as managed. After each call the device in the "
           "domain writes.")
     EXPECTS("Every such call fails with any status, and every write of the real device lands.")
     IF_IT_FAILS("The host takes a part of the device id for the whole of it, or changes the "
                 "domain before it has looked the device up."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    static const uint64_t ids[] = {0xFFFF, 0x12345678, 0xFFFFFFFF, 0x3FFFFFFFFFFFFFFF,
                                   0xFFFFFFFFFFFFFFFF};

    attach(t, d, e);
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        uint64_t id = unknown_device_id(t, ids[i]);

        STEP("attach device 0x%llx, which does not exist", id);
        CHECK_REFUSED(iommu_attach(d->id, id), "attach of a device id that does not exist");
        expect_write(t, e, IOVA, &b, 0, 16, "the device that is in the domain");
    }
}

TEST(unknown_domain_is_refused,
     PROMISE("Attaching a device to a domain that does not exist is refused, and it keeps its old "
             "translation")
     COVERS("ATT-8 DOM-9") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("The device is in a domain and has a page cached. ATTACH moves it to a domain id that "
           "was never created. The device then writes to the page twice, at different offsets.")
     EXPECTS("The call fails with any status, and both writes land.")
     IF_IT_FAILS("The host takes the device out of its old domain before it has checked that the "
                 "new one exists. A guest driver that tries and fails would lose its DMA, or "
                 "worse, have it pass through."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    warm(t, e, IOVA, &b, "before");
    CHECK_REFUSED(iommu_attach(fresh_domain_id(t), e->device_id),
                  "attach to a domain that was never created");
    expect_write(t, e, IOVA, &b, 0, 16, "warm page afterwards");
    expect_write(t, e, IOVA + 2048, &b, 2048, 16, "same page, other bytes");
}

TEST(switch_with_dma_under_way,
     PROMISE("A DMA that is under way during a switch ends in the old or the new domain's page, "
             "never elsewhere")
     COVERS("ATT-5") DEVICES(DEFERRED) KINDS("dma")
     STEPS("Two domains map one IOVA to page A and to page B. The device starts a write of 512 "
           "bytes that is carried out later; meanwhile ATTACH moves it to the second domain. Then "
           "the write ends.")
     EXPECTS("All 512 bytes are in A, or all are in B, and the other page is unchanged. Which of "
             "the two is recorded.")
     IF_IT_FAILS("Bytes in both pages or in neither: the switch is not one step. A transfer saw "
                 "two tables, was cut into pieces, or came at a time when the device was in no "
                 "domain."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *first = domain_mapping(t, IOVA, &a), *second = domain_mapping(t, IOVA, &b);
    bool in_a, in_b;

    if (!(e->ops->features & DMA_DEFERRED))
        SKIP("class %s cannot have a DMA under way", e->ops->name);
    attach(t, first, e);
    stage(t, first, e);
    start_by_device(t, e, IOVA, 512);
    attach(t, second, e);
    REQUIRE(dma_finish(e), "the device did not finish");
    in_a = !memory_find_other(a.data, 512, e->ops->fill_value);
    in_b = !memory_find_other(b.data, 512, e->ops->fill_value);
    CHECK(in_a != in_b,
          "the DMA must be in exactly one of the two pages, whole (in old %u, in new %u)", in_a,
          in_b);
    expect_untouched(t, in_a ? &b : &a, "the other page");
    OBSERVE("the DMA landed in the %s domain's page", in_a ? "old" : "new");
}

TEST(first_page_cold_second_warm,
     PROMISE("After a move neither pages that were cached nor pages that were never used reach the "
             "old domain")
     COVERS("ATT-4 ATT-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("The first domain maps two pages, the second one maps only the first IOVA, elsewhere. "
           "The device uses the first page and is attached to the second domain. It writes to the "
           "second page, which it never used, and to the first one.")
     EXPECTS("The unused IOVA faults as not present, the used one leads to the page of the new "
             "domain, and both old pages are unchanged.")
     IF_IT_FAILS("If the used page is stale, translations are not flushed; if the unused one is "
                 "reached, the walk itself still starts at the old root or in its cached upper "
                 "levels."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 2), b = buffer(t, 1);
    struct domain *first = domain_mapping(t, IOVA, &a), *second = domain_mapping(t, IOVA, &b);

    attach(t, first, e);
    warm(t, e, IOVA, &a, "first page");
    attach(t, second, e);
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 8, &a, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "never used in the old domain");
    expect_write(t, e, IOVA, &b, 0, 8, "used in the old domain, mapped in the new one");
    expect_untouched(t, &a, "the old domain's pages");
}
