/* SPDX-License-Identifier: MIT */
/*
 * Devices with a translation cache of their own (ATS). Every test of translation and flush runs on
 * them, too, as class dmaprobe+ats with ATS on; here is what only ATS has: switching it on and off
 * (ATS-1, ATS-2).
 */
#include "drivers/dmaprobe.h"
#include "tests/harness/leaf.h"

#define TEST_GROUP "ats"

static void set_ats(struct test_run *t, struct dma_engine *e, bool on)
{
    if (!(capabilities(t)->iommu_cap & HV_IOMMU_CAP_ATS))
        SKIP("the host does not report ATS");
    REQUIRE(dmaprobe_set_ats(e, on), "ATS of device 0x%llx cannot be switched",
            (unsigned long long)e->device_id);
    STEP("ATS of device 0x%llx: %llu", e->device_id, on);
}

TEST(enabled_after_attach,
     PROMISE("ATS is switched on after ATTACH: translations work, and what the device cached obeys "
             "a domain flush and a list flush")
     COVERS("ATS-1") DEVICES(dmaprobe_ats) KINDS("dma fault flush")
     STEPS("With ATS off, maps two pages, attaches the device and lets it write. Switches ATS on "
           "and writes to both pages, so that the device holds their translations. Unmaps the "
           "first page with a list flush, then the second with a domain flush, and writes to each "
           "after its flush.")
     EXPECTS("All writes before the unmaps land. After its flush each page takes no byte, and a "
             "fault record, where there is one, says not present.")
     IF_IT_FAILS("A write that arrives after its flush went through the TLB of the device: the "
                 "host flushes its own IOTLB and sends the device no invalidation request, or "
                 "returns before the device has completed it. A write that fails before that: ATS "
                 "that is enabled after ATTACH is not noticed."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *d = domain_mapping(t, IOVA, &b);

    set_ats(t, e, false);
    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 64, "ATS off");
    set_ats(t, e, true);
    expect_write(t, e, IOVA, &b, 0, 64, "ATS on");
    expect_write(t, e, IOVA + PAGE_SIZE, &b, PAGE_SIZE, 64, "ATS on, second page");
    unmap(t, d, IOVA, PAGE_SIZE);
    flush_list(t, d, IOVA, PAGE_SIZE);
    expect_write_fault(t, e, IOVA, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "after the list flush");
    unmap(t, d, IOVA + PAGE_SIZE, PAGE_SIZE);
    flush(t, d);
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT,
                       "after the domain flush");
}

TEST(new_mapping_needs_no_flush,
     PROMISE("A device TLB does not remember that a page was not present")
     COVERS("ATS-1 FL-3") DEVICES(dmaprobe_ats) KINDS("dma fault")
     STEPS("Switches ATS on, attaches the device to an empty domain and lets it write to an IOVA, "
           "which asks for a translation that is not there. Maps a page at this IOVA, flushes "
           "nothing, and writes again.")
     EXPECTS("The first write faults as not present and changes nothing; the second one lands.")
     IF_IT_FAILS("The device or the host's translation agent cached the answer that the page is "
                 "not present. Guests never flush after mapping into a hole, so their first DMA to "
                 "a new buffer would be lost."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    set_ats(t, e, true);
    attach(t, d, e);
    expect_write_fault(t, e, IOVA, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "not mapped");
    map(t, d, IOVA, &b, RW);
    expect_write(t, e, IOVA, &b, 0, 64, "mapped without a flush");
}

TEST(nothing_survives_off_and_on,
     PROMISE("Translations that a device cached before ATS was disabled are gone when it is "
             "enabled again")
     COVERS("ATS-2 ATS-1") DEVICES(dmaprobe_ats) KINDS("dma fault flush")
     STEPS("With ATS on, the device writes to a mapped page. ATS is switched off, the page is "
           "unmapped and the domain flushed, ATS is switched on, and the device writes to the IOVA "
           "again.")
     EXPECTS("The last write changes nothing, and faults as not present where faults are recorded.")
     IF_IT_FAILS("The device TLB kept an entry over the time without ATS: the host sends no "
                 "invalidation while ATS is off, and the TLB was not emptied when it went off. The "
                 "device then writes to a page that has a new owner."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    set_ats(t, e, true);
    attach(t, d, e);
    warm(t, e, IOVA, &b, "cached in the device");
    set_ats(t, e, false);
    unmap(t, d, IOVA, PAGE_SIZE);
    flush(t, d);
    set_ats(t, e, true);
    expect_write_fault(t, e, IOVA, 64, &b, ORACLE_FAULT_CLASS_NOT_PRESENT, "ATS on again");
}

TEST(blocked_after_ats_off,
     PROMISE("After ATS is off and the device is in a blocking domain it reaches nothing, also not "
             "when ATS comes on again")
     COVERS("ATS-2 ATT-7") DEVICES(dmaprobe_ats) KINDS("dma fault")
     STEPS("With ATS on, the device writes to a mapped page, so that it holds the translation. ATS "
           "is switched off, and the device is attached to a blocking domain; it writes. ATS is "
           "switched on again, and it writes once more.")
     EXPECTS("Neither write reaches the page; a fault record, where there is one, says blocked.")
     IF_IT_FAILS("This is how a guest takes a device away from its driver. A translation in the "
                 "device remains, or translation requests of a blocked device are still answered."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b), *blocked = domain_blocked(t);

    set_ats(t, e, true);
    attach(t, d, e);
    warm(t, e, IOVA, &b, "cached in the device");
    set_ats(t, e, false);
    attach(t, blocked, e);
    expect_write_fault(t, e, IOVA, 64, &b, ORACLE_FAULT_CLASS_BLOCKED, "blocked, ATS off");
    set_ats(t, e, true);
    expect_write_fault(t, e, IOVA, 64, &b, ORACLE_FAULT_CLASS_BLOCKED, "blocked, ATS on");
}

#define LARGE_LEAVES(ROW, test)                                                                    \
    ROW(test, 2m, SIZE_2M, WORD(size, "2 MiB"))                                                    \
    ROW(test, 1g, SIZE_1G, WORD(size, "1 GiB"))

VARIANTS(const uint64_t, large_leaves, LARGE_LEAVES);

EACH_TEST(LARGE_LEAVES, leaf_removed,
          PROMISE("A {size} leaf that the device has cached is gone after a flush of the domain "
                  "and of a list")
          COVERS("ATS-1") DEVICES(dmaprobe_ats) KINDS("dma fault flush")
          STEPS("With ATS on, the device uses both ends of a {size} leaf, which is removed and "
                "flushed; the device writes again. Once with a flush of the domain, once with a "
                "list.")
          EXPECTS("After the flush nothing changes, and a fault record, where there is one, says "
                  "not present.")
          IF_IT_FAILS("The invalidation that is sent to the device has the size of a small page, "
                      "or drops small pages only."))
{
    struct dma_engine *e = device(t);
    struct leaf l = leaf_for(t, 0x40000000, VARIANT(large_leaves)); /* aligned for every size */
    struct domain *d = domain_paging(t);

    set_ats(t, e, true);
    attach(t, d, e);
    for (unsigned by_list = 0; by_list < 2; by_list++) {
        leaf_map(t, d, &l, RW);
        leaf_expect_write(t, e, &l, 0x3000, 8, "cached in the device");
        leaf_expect_write(t, e, &l, l.size - 8, 8, "at its end");
        unmap(t, d, l.iova, l.size);
        if (by_list)
            flush_list(t, d, l.iova, l.size);
        else
            flush(t, d);
        leaf_expect_write_fault(t, e, &l, 0x3000, 8, ORACLE_FAULT_CLASS_NOT_PRESENT,
                                "removed and flushed");
        leaf_expect_write_fault(t, e, &l, (int64_t)(l.size - 8), 8, ORACLE_FAULT_CLASS_NOT_PRESENT,
                                "removed and flushed, at its end");
    }
}
