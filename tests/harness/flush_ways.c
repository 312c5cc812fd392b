/* SPDX-License-Identifier: MIT */
#include "tests/harness/flush_ways.h"

void flush_by_domain(struct test_run *t, struct domain *d, uint64_t iova, uint64_t length)
{
    (void)iova;
    (void)length;
    flush(t, d);
}

void flush_by_cover(struct test_run *t, struct domain *d, uint64_t iova, uint64_t length)
{
    enum hv_status status = domain_flush_cover(d, iova, length);

    STEP("list flush, one covering block: domain 0x%llx, IOVA 0x%llx, 0x%llx bytes: %s", d->id,
         iova, length, hv_status_name(status));
    CHECK_SUCCESS(status, "flushing one covering block");
}

void flush_by_everything(struct test_run *t, struct domain *d, uint64_t iova, uint64_t length)
{
    (void)iova;
    (void)length;
    flush_block(t, d, 0, HV_IOMMU_RANGE_SHIFT_ALL);
}
