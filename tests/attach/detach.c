/* SPDX-License-Identifier: MIT */
/* Detach: the device is blocked until it is attached again (DET-1 to DET-4). */
#include "tests/harness/fixture.h"

#define TEST_GROUP "detach"

static void detach(struct test_run *t, struct dma_engine *e)
{
    enum hv_status status = iommu_detach(e->device_id);

    STEP("detach device 0x%llx: %s", e->device_id, hv_status_name(status));
    CHECK_SUCCESS(status, "detaching an attached device");
}

TEST(old_table_is_out_of_reach,
     PROMISE("After a detach the device reaches nothing through the table of the domain it has "
             "left, cached or not")
     COVERS("DET-1 DET-4") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device writes to one of two mapped pages and is detached. It writes to and reads "
           "from this page, and writes to the one that it never used.")
     EXPECTS("DETACH succeeds. No access changes anything.")
     IF_IT_FAILS("The used page is reached: DETACH does not flush cached translations. The unused "
                 "one is reached: the device still has the root of the domain."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 2);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    warm(t, e, IOVA, &b, "attached");
    detach(t, e);
    expect_write_fault(t, e, IOVA, 8, &b, FAULT_ANY, "warm page");
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 8, &b, FAULT_ANY, "cold page");
    expect_read_fault(t, e, IOVA, 8, &b, FAULT_ANY, "warm page, read");
}

TEST(guest_memory_is_out_of_reach,
     PROMISE("After a detach the device does not fall back to guest physical addresses")
     COVERS("DET-1") DEVICES(ALL) KINDS("dma fault")
     STEPS("The device is attached to an empty domain and detached, and writes 64 bytes to the "
           "address of a page.")
     EXPECTS("The page is unchanged.")
     IF_IT_FAILS("The host puts a detached device back to its state at boot, in which DMA is not "
                 "translated. A guest that takes a device away from its driver opens all of its "
                 "memory."))
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    attach(t, d, e);
    detach(t, e);
    expect_write_fault(t, e, gpa_of(b.data), 64, &b, FAULT_ANY, "write at the buffer's GPA");
}

OBSERVATION(detached_device_again,
            PROMISE("Detaching a detached device has no effect, whatever the status")
            COVERS("DET-2") DEVICES(ALL) KINDS("dma")
            STEPS("The device is attached to a domain with one page and is detached twice. It then "
                  "writes to the IOVA of the page.")
            EXPECTS("The first DETACH succeeds; the status of the second is recorded. The write "
                    "does not arrive.")
            IF_IT_FAILS("The second call finds no domain and restores something, the last one or "
                        "none at all, so that the device gets out of its block."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);
    enum hv_status status;

    attach(t, d, e);
    detach(t, e);
    status = iommu_detach(e->device_id);
    CHECK(!may_write(t, e, IOVA, &b, 0, 8, "after the second detach"),
          "the device reaches the old table again");
    OBSERVE("second detach: %s", hv_status_name(status));
}

TEST(attach_afterwards,
     PROMISE("A detached device can be attached again, to the same domain and to another")
     COVERS("DET-3") DEVICES(ALL) KINDS("dma")
     STEPS("Two domains map one IOVA to different pages. The device is attached to the first, "
           "writes, and is detached; attached to it again, writes, and is detached; attached to "
           "the second, and writes.")
     EXPECTS("All calls succeed; the first two writes are in the page of the first domain, the "
             "third in that of the second.")
     IF_IT_FAILS("DETACH leaves the device marked as taken, or a later ATTACH to the same domain "
                 "is mistaken for a repetition and not carried out."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *first = domain_mapping(t, IOVA, &a), *second = domain_mapping(t, IOVA, &b);

    attach(t, first, e);
    expect_write(t, e, IOVA, &a, 0, 8, "first time");
    detach(t, e);
    attach(t, first, e);
    expect_write(t, e, IOVA, &a, 0, 8, "again");
    detach(t, e);
    attach(t, second, e);
    expect_write(t, e, IOVA, &b, 0, 8, "elsewhere");
}

TEST(drops_cached_translations,
     PROMISE("Detach drops the device's cached translations: a leaf changed meanwhile is seen "
             "after the next attach")
     COVERS("DET-4") DEVICES(ALL) KINDS("dma flush")
     STEPS("The device uses a page and is detached. The page is unmapped, another one is mapped at "
           "the same IOVA, and nothing is flushed. The device is attached again and writes.")
     EXPECTS("The write is in the new page, and the old one is unchanged.")
     IF_IT_FAILS("Entries from before the DETACH are valid after the next ATTACH. Neither of the "
                 "two calls invalidates the translations of the device."))
{
    struct dma_engine *e = device(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &a);

    attach(t, d, e);
    warm(t, e, IOVA, &a, "before");
    detach(t, e);
    unmap(t, d, IOVA, PAGE_SIZE);
    map(t, d, IOVA, &b, RW);
    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 8, "the new leaf");
    expect_untouched(t, &a, "the old leaf's page");
}

TEST(second_device_goes_on,
     PROMISE("Detaching one of two devices leaves the other one's translation alone")
     COVERS("DET-1 ISO-2") DEVICES(ALL) KINDS("dma fault")
     STEPS("Two devices are in one domain with one page. The first writes and is detached; then "
           "both write to the IOVA.")
     EXPECTS("The write of the detached device changes nothing, that of the other one lands.")
     IF_IT_FAILS("DETACH works on the domain instead of the device: it takes all devices out of "
                 "it, or none."))
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, first);
    attach(t, d, second);
    warm(t, first, IOVA, &b, "first device");
    detach(t, first);
    expect_write_fault(t, first, IOVA, 8, &b, FAULT_ANY, "the detached device");
    expect_write(t, second, IOVA, &b, 0, 8, "the other device");
}

TEST(unknown_device_is_refused,
     PROMISE("Detaching a device id that does not exist is refused and leaves the others attached")
     COVERS("DET-2 ATT-8") DEVICES(ALL) KINDS("dma bad-input")
     STEPS("A device is attached to a domain. DETACH is called with a device id that no device "
           "has, and the attached device writes.")
     EXPECTS("The call fails with any status, and the write lands.")
     IF_IT_FAILS("The host does not find the device and detaches another one, or reports success "
                 "for something that it did not do."))
{
    struct dma_engine *e = device(t);
    struct buffer b = buffer(t, 1);
    struct domain *d = domain_mapping(t, IOVA, &b);

    attach(t, d, e);
    CHECK_REFUSED(iommu_detach(unknown_device_id(t, 0x12345678)),
                  "detach of a device id that does not exist");
    expect_write(t, e, IOVA, &b, 0, 8, "the attached device");
}
