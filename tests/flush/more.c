/* SPDX-License-Identifier: MIT */
/* Changes that need no flush, effects that a missing flush may have, and state that a flush must
 * not change (FL-3 to FL-8). */
#include "lib/string.h"
#include "tests/harness/fixture.h"

#define TEST_GROUP "flush"

TEST(map_needs_no_flush,
     PROMISE("A page mapped after it faulted is reached at once, without a hypercall")
     COVERS("FL-3") DEVICES(ALL) KINDS("dma fault")
     STEPS("Attaches the device to an empty domain. For each of eight pages the device first tries "
           "to write and faults; then the page is mapped and the device writes again, without any "
           "hypercall in between.")
     EXPECTS("The first write of each page faults as not present and changes nothing; the second "
             "lands byte for byte.")
     IF_IT_FAILS("The host caches that a page was absent. Linux never flushes after a new mapping, "
                 "so drivers would see sporadic DMA faults."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 8);

    attach(t, d, e);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t iova = IOVA + i * PAGE_SIZE;

        expect_write_fault(t, e, iova, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "not mapped yet");
        map_gpa(t, d, iova, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
        expect_write(t, e, iova, &b, i * PAGE_SIZE, 4, "mapped without a flush");
    }
}

TEST(new_tables_need_no_flush,
     PROMISE("A page that needs new tables at every level is reached at once after it is mapped")
     COVERS("FL-3") DEVICES(ALL) KINDS("dma fault")
     STEPS("The same for IOVAs whose mapping needs new tables at one, two and three levels: a "
           "write that faults, then the mapping, then a write.")
     EXPECTS("Each write after a mapping lands, also where a whole branch of tables is new.")
     IF_IT_FAILS("The host keeps absent upper entries, a negative walk cache, and does not look "
                 "again."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 4);
    static const uint64_t iovas[] = {0x1000, 0x40000000, 0x8000000000, 0x400000000000};

    attach(t, d, e);
    for (unsigned i = 0; i < 4; i++) {
        if (iovas[i] >> capabilities(t)->max_iova_width)
            break;
        expect_write_fault(t, e, iovas[i], 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "no tables yet");
        map_gpa(t, d, iovas[i], gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
        expect_write(t, e, iovas[i], &b, i * PAGE_SIZE, 4, "mapped without a flush");
    }
}

TEST(before_it_only_the_old_page,
     PROMISE("Between unmap and flush a DMA reaches the page that was mapped, or nothing")
     COVERS("FL-5") DEVICES(ALL) KINDS("dma")
     STEPS("Maps two pages, lets the device use one, unmaps both, and lets the device write to "
           "each before any flush; then flushes the domain and writes again.")
     EXPECTS("Before the flush a write lands in the old page or nowhere; after it the write "
             "faults. Which of the two was seen is recorded.")
     IF_IT_FAILS("A write before the flush that damages something else means mixed-up cache "
                 "entries; one that still lands after it means that the flush did nothing."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *d = domain_mapping(t, IOVA, &b);
    bool stale;

    attach(t, d, e);
    warm(t, e, IOVA, &b, "mapped");
    unmap(t, d, IOVA, 2 * PAGE_SIZE);
    stale = may_write(t, e, IOVA, &b, 0, 4, "unmapped, not flushed");
    may_write(t, e, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 4, "unmapped, not flushed, never used");
    flush(t, d);
    expect_write_fault(t, e, IOVA, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "flushed");
    OBSERVE("without a flush the old translation was %s", stale ? "still used" : "not used");
}

TEST(before_it_old_or_new_page,
     PROMISE("Between a change of target and the flush a DMA reaches the old or the new page "
             "whole, never a third")
     COVERS("FL-5") DEVICES(ALL) KINDS("dma")
     STEPS("The device uses a page, then its leaf is pointed at another page without a flush, and "
           "the device writes 64 bytes. Then the domain is flushed, and it writes once more.")
     EXPECTS("Before the flush all 64 bytes are in the old or all in the new page; after it they "
             "are in the new one.")
     IF_IT_FAILS("Bytes in both pages or in neither: the host mixes two reads of the entry, or "
                 "translates one access in pieces with different results."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &a);
    bool in_old;

    attach(t, d, e);
    warm(t, e, IOVA, &a, "old target");
    retarget(t, d, IOVA, gpa_of(b.data));
    in_old = may_write(t, e, IOVA, &a, 0, 64, "old page");
    if (!in_old) {
        CHECK(!memory_find_other(b.data, 64, e->ops->fill_value),
              "the DMA is neither in the old nor in the new page");
        memset(b.data, POISON_FRESH, 64);
    }
    expect_untouched(t, &b, "the new page");
    flush(t, d);
    expect_write(t, e, IOVA, &b, 0, 64, "new page after the flush");
    OBSERVE("without a flush the %s target was used", in_old ? "old" : "new");
}

TEST(before_it_the_old_right_or_the_new_page,
     PROMISE("Between a change of target that also adds a permission and the flush no DMA writes "
             "to the old, read-only page")
     COVERS("FL-5") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device reads a read-only page, and its writes are refused. Then the leaf becomes a "
           "writable one of another page without a flush, and the device writes. Then the domain "
           "is flushed, and it writes once more.")
     EXPECTS("Before the flush the write is refused, or it lands in the new page; it never lands "
             "in the old one, which could not be written at any time. After the flush it is in the "
             "new page. The result is recorded.")
     IF_IT_FAILS("The host takes the address from its cache and the permission from the tables, or "
                 "the other way round: a page that was only ever shown to the device is "
                 "overwritten."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    bool in_new;

    map(t, d, IOVA, &a, STAGE1_READ);
    attach(t, d, e);
    read_and_try_to_write(t, e, IOVA, 64);
    expect_write_fault(t, e, IOVA, 64, &a, ORACLE_FAULT_CLASS_WRITE_DENIED,
                       "old page, which may not be written");
    *leaf_entry(t, d, IOVA) |= d->table.format->write_bits;
    retarget(t, d, IOVA, gpa_of(b.data));
    in_new = may_write(t, e, IOVA, &b, 0, 64, "new page, which may be written");
    expect_untouched(t, &a, "the old page, which the device could only read");
    flush(t, d);
    expect_write(t, e, IOVA, &b, 0, 64, "new page after the flush");
    OBSERVE("without a flush the write %s", in_new ? "was in the new page" : "was refused");
}

TEST(other_domain_goes_on,
     PROMISE("Flushing one domain leaves another one's mappings in force")
     COVERS("FL-4") DEVICES(ALL) KINDS("dma flush")
     STEPS("Two devices in two domains, both warm. The first domain is flushed eight times, whole "
           "and by list; after each the second device writes, then the first.")
     EXPECTS("Every write of both devices lands.")
     IF_IT_FAILS("A flush of one domain takes another one's translations or tables away: the host "
                 "keys its flush by the wrong DID and then cannot walk again."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *x = domain_mapping(t, IOVA, &a), *y = domain_mapping(t, IOVA, &b);

    attach(t, x, first);
    attach(t, y, second);
    warm(t, first, IOVA, &a, "flushed domain");
    warm(t, second, IOVA, &b, "other domain");
    for (unsigned i = 0; i < 8; i++) {
        flush(t, x);
        flush_list(t, x, IOVA, PAGE_SIZE);
        expect_write(t, second, IOVA + i, &b, i, 16, "other domain");
        expect_write(t, first, IOVA + i, &a, i, 16, "flushed domain");
    }
}

TEST(flushes_the_named_domain,
     PROMISE("With two domains that map the same IOVA, the flush of either takes effect in exactly "
             "that one")
     COVERS("FL-1 FL-4") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Two domains map the same IOVA to different pages, a device in each has used it. One "
           "domain's page is unmapped and that domain is flushed; then the same with the other "
           "one.")
     EXPECTS("After each flush exactly the device of the flushed domain faults; the other one's "
             "write lands until its own turn.")
     IF_IT_FAILS("The flush hits the wrong domain: look at how the host gets from a domain id to "
                 "the DID of the hardware, in particular for the second domain made."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *x = domain_mapping(t, IOVA, &a), *y = domain_mapping(t, IOVA, &b);

    attach(t, x, first);
    attach(t, y, second);
    warm(t, first, IOVA, &a, "first domain");
    warm(t, second, IOVA, &b, "second domain");
    unmap(t, y, IOVA, PAGE_SIZE);
    flush(t, y);
    expect_write_fault(t, second, IOVA, 4, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "second domain, flushed");
    expect_write(t, first, IOVA, &a, 0, 4, "first domain, not concerned");
    unmap(t, x, IOVA, PAGE_SIZE);
    flush_list(t, x, IOVA, PAGE_SIZE);
    expect_write_fault(t, first, IOVA, 4, &a, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "first domain, flushed");
}

TEST(everything_unmapped,
     PROMISE("After a whole domain is emptied and flushed once, none of its 64 pages is reached")
     COVERS("FL-1") DEVICES(ALL) KINDS("dma fault flush")
     STEPS("Maps 64 pages that are 17 pages apart, and lets the device use all of them. Unmaps "
           "all, flushes the domain once, and lets the device write to each again.")
     EXPECTS("None of the 64 pages changes after the flush.")
     IF_IT_FAILS("The domain flush drops only a part of the cache: one set, one level, or a "
                 "limited number of entries."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 64);

    for (unsigned i = 0; i < 64; i++)
        map_gpa(t, d, IOVA + i * 17 * PAGE_SIZE, gpa_of(b.data) + i * PAGE_SIZE, PAGE_SIZE, RW);
    attach(t, d, e);
    for (unsigned i = 0; i < 64; i++) {
        fill_by_device(t, e, IOVA + i * 17 * PAGE_SIZE, 4, "DMA");
        CHECK_EQ(b.data[i * PAGE_SIZE], e->ops->fill_value,
                 "first byte of a mapped page after the DMA");
    }
    buffer_refresh(&b);
    unmap(t, d, IOVA, 64 * 17 * PAGE_SIZE);
    flush(t, d);
    for (unsigned i = 0; i < 64; i++)
        fill_by_device(t, e, IOVA + i * 17 * PAGE_SIZE, 4, "DMA");
    drain_faults(t, e);
    expect_untouched(t, &b, "64 unmapped pages");
}

TEST(dma_under_way_is_over,
     PROMISE("A DMA started before the flush does not write to the page after the flush has "
             "returned")
     COVERS("FL-6") DEVICES(DEFERRED) KINDS("dma flush")
     STEPS("Starts a DMA that the device carries out later, unmaps its page, flushes the domain, "
           "and gives the page to another owner. Then the DMA is released.")
     EXPECTS("The page of the new owner stays unchanged.")
     IF_IT_FAILS("The host does not wait for requests that were translated before the flush "
                 "(drain): memory is written after the guest was told that it is safe to reuse."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    if (!(e->ops->features & DMA_DEFERRED))
        SKIP("class %s cannot have a DMA under way", e->ops->name);
    attach(t, d, e);
    stage(t, d, e);
    warm(t, e, IOVA, &b, "mapped");
    start_by_device(t, e, IOVA, 512);
    unmap(t, d, IOVA, PAGE_SIZE);
    flush(t, d);
    buffer_refresh(&b); /* from here on the page has another owner */
    REQUIRE(dma_finish(e), "the device did not finish");
    drain_faults(t, e);
    expect_untouched(t, &b, "page reused after the flush");
}

TEST(unknown_domain_is_refused,
     PROMISE("Flushing a domain that does not exist is refused, as a whole and by list")
     COVERS("FL-8 DOM-9") DEVICES(NONE) KINDS("bad-input flush")
     STEPS("Calls the domain flush and the list flush with an id that was never created.")
     EXPECTS("Both are refused, and the list flush reports no element as done.")
     IF_IT_FAILS("The host looks the id up in a way that finds another domain, or reports success "
                 "for nothing. A guest would believe that its pages are out of reach."))
{
    uint64_t element = hv_iommu_range(0, 0);
    uint32_t id = (capabilities(t), fresh_domain_id(t));
    unsigned done = 0;

    CHECK_REFUSED(iommu_flush(id), "FLUSH_DEVICE_DOMAIN of an id that was never created");
    CHECK_REFUSED(iommu_flush_list(id, &element, 1, &done),
                  "list flush of an id that was never created");
    CHECK_EQ(done, 0, "elements completed for an unknown domain");
}

OBSERVATION(identity_blocked_and_empty,
            PROMISE("Flushing an identity, a blocking or an empty domain")
            COVERS("FL-7") DEVICES(NONE) KINDS("flush")
            STEPS("Flushes an identity domain, a blocking domain and a paging domain without "
                  "mappings, each as a whole and by a list that names everything. Then the domains "
                  "are deleted.")
            EXPECTS("Any status of the flushes, which the behavior profile records; the deletions "
                    "succeed.")
            IF_IT_FAILS("The host follows a table root that these domains do not have, or damages "
                        "a domain that it has nothing to flush for."))
{
    struct domain *d[] = {domain_identity(t), domain_blocked(t), domain_paging(t)};
    uint64_t element = hv_iommu_range(0, HV_IOMMU_RANGE_SHIFT_ALL);
    unsigned whole[3], list[3];

    for (unsigned i = 0; i < 3; i++) {
        whole[i] = iommu_flush(d[i]->id);
        list[i] = iommu_flush_list(d[i]->id, &element, 1, NULL);
    }
    OBSERVE("identity %s/%s, blocking %s/%s, empty %s/%s (whole/list)", hv_status_name(whole[0]),
            hv_status_name(list[0]), hv_status_name(whole[1]), hv_status_name(list[1]),
            hv_status_name(whole[2]), hv_status_name(list[2]));
    for (unsigned i = 0; i < 3; i++)
        delete_domain(t, d[i]);
}
