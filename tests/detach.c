/* SPDX-License-Identifier: MIT */
/* Detach: the device is blocked until it is attached again (DET-1 to DET-4). */
#include "tests/harness/fixture.h"

#define TEST_GROUP "detach"
#define IOVA       0x04000000ull
#define RW         (STAGE1_READ | STAGE1_WRITE)

static void detach(struct test_run *t, struct dma_engine *e)
{
    enum hv_status status = pviommu_detach(e->device_id);

    STEP2(t, "detach device 0x%llx: %s", e->device_id, (uint64_t)(uintptr_t)hv_status_name(status));
    CHECK_SUCCESS(status, "detaching an attached device");
}

TEST(detach_stops, "old_table_is_out_of_reach", "DET-1 DET-4", ON_FAST, "dma,fault",
     "After a detach the device reaches nothing through the table of the domain it has left, cached or not")
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 2);

    map(t, d, IOVA, &b, RW);
    attach(t, d, e);
    warm(t, e, IOVA, &b, "attached");
    detach(t, e);
    expect_write_fault(t, e, IOVA, 8, &b, FAULT_ANY, "warm page");
    expect_write_fault(t, e, IOVA + PAGE_SIZE, 8, &b, FAULT_ANY, "cold page");
    expect_read_fault(t, e, IOVA, 8, &b, FAULT_ANY, "warm page, read");
}

TEST(detach_no_passthrough, "guest_memory_is_out_of_reach", "DET-1", ON_FAST, "dma,fault",
     "After a detach the device does not fall back to guest physical addresses")
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    attach(t, d, e);
    detach(t, e);
    expect_write_fault(t, e, gpa_of(b.data), 64, &b, FAULT_ANY, "write at the buffer's GPA");
}

OBSERVATION(detach_twice, "detached_device_again", "DET-2", ON_FAST, "dma",
            "Detaching a detached device has no effect, whatever the status")
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);
    enum hv_status status;

    map(t, d, IOVA, &b, RW);
    attach(t, d, e);
    detach(t, e);
    status = pviommu_detach(e->device_id);
    CHECK(!may_write(t, e, IOVA, &b, 0, 8, "after the second detach"), "the device reaches the old table again");
    OBSERVE("second detach: %s", hv_status_name(status));
}

TEST(detach_attach, "attach_afterwards", "DET-3", ON_FAST, "dma",
     "A detached device can be attached again, to the same domain and to another")
{
    struct dma_engine *e = device(t);
    struct domain *first = domain_paging(t), *second = domain_paging(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);

    map(t, first, IOVA, &a, RW);
    map(t, second, IOVA, &b, RW);
    attach(t, first, e);
    expect_write(t, e, IOVA, &a, 0, 8, "first time");
    detach(t, e);
    attach(t, first, e);
    expect_write(t, e, IOVA, &a, 0, 8, "again");
    detach(t, e);
    attach(t, second, e);
    expect_write(t, e, IOVA, &b, 0, 8, "elsewhere");
}

TEST(detach_flushes, "drops_cached_translations", "DET-4", ON_FAST, "dma,flush",
     "Detach drops the device's cached translations: a leaf changed meanwhile is seen after the next attach")
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer a = buffer(t, 1), b = buffer(t, 1);

    map(t, d, IOVA, &a, RW);
    attach(t, d, e);
    warm(t, e, IOVA, &a, "before");
    detach(t, e);
    unmap(t, d, IOVA, PAGE_SIZE);
    map(t, d, IOVA, &b, RW);
    attach(t, d, e);
    expect_write(t, e, IOVA, &b, 0, 8, "the new leaf");
    expect_untouched(t, &a, "the old leaf's page");
}

TEST(detach_one_of_two, "second_device_goes_on", "DET-1 ISO-2", ON_FAST, "dma,fault",
     "Detaching one of two devices leaves the other one's translation alone")
{
    struct dma_engine *first = device_n(t, 0), *second = device_n(t, 1);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    map(t, d, IOVA, &b, RW);
    attach(t, d, first);
    attach(t, d, second);
    warm(t, first, IOVA, &b, "first device");
    detach(t, first);
    expect_write_fault(t, first, IOVA, 8, &b, FAULT_ANY, "the detached device");
    expect_write(t, second, IOVA, &b, 0, 8, "the other device");
}

TEST(detach_unknown, "unknown_device_is_refused", "DET-2 ATT-8", ON_FAST, "dma,bad-input",
     "Detaching a device id that does not exist is refused and leaves the others attached")
{
    struct dma_engine *e = device(t);
    struct domain *d = domain_paging(t);
    struct buffer b = buffer(t, 1);

    map(t, d, IOVA, &b, RW);
    attach(t, d, e);
    CHECK_REFUSED(pviommu_detach(0x12345678), "detach of a device id that does not exist");
    expect_write(t, e, IOVA, &b, 0, 8, "the attached device");
}
