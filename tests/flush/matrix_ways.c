/* SPDX-License-Identifier: MIT */
#include "tests/flush/matrix.h"

/* IOVA pages that no test of the matrix maps. */
#define UNUSED_PAGE 0x700000ull

static void by_last_of_508(struct test_run *t, struct domain *d, uint64_t iova, uint64_t length)
{
    struct flush_block block = flush_range_cover(iova, length);
    uint64_t elements[HV_FLUSH_LIST_MAX];
    enum hv_status status;
    unsigned done = 0;

    for (unsigned i = 0; i + 1 < HV_FLUSH_LIST_MAX; i++)
        elements[i] = hv_iommu_range(UNUSED_PAGE + 2 * i, 0);
    elements[HV_FLUSH_LIST_MAX - 1] = hv_iommu_range(block.page, block.shift);
    status = iommu_flush_list(d->id, elements, HV_FLUSH_LIST_MAX, &done);
    STEP("list flush of 508 elements, the last page 0x%llx, shift %llu, in domain 0x%llx: %s, %llu "
         "done",
         block.page, block.shift, d->id, hv_status_name(status), done);
    CHECK_SUCCESS(status, "flushing a full list");
    CHECK_EQ(done, HV_FLUSH_LIST_MAX, "elements completed by a full list");
}

const struct matrix_way matrix_ways[MATRIX_WAYS] = {
    [MATRIX_DOMAIN] = {"FLUSH_DEVICE_DOMAIN", flush_by_domain},
    [MATRIX_EXACT] = {"exact list", flush_list},
    [MATRIX_BLOCK] = {"one covering block", flush_by_cover},
    [MATRIX_EVERYTHING] = {"page 0, shift 52", flush_by_everything},
    [MATRIX_LAST_OF_508] = {"last of 508 elements", by_last_of_508},
};
