/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_SOFTIOMMU_PAGE_RANGE_H
#define PVT_HOST_SOFTIOMMU_PAGE_RANGE_H

#include <stdint.h>

/* Pages of 4 KiB by number, both ends included. */
struct page_range {
    uint64_t first, last;
};

static const struct page_range all_pages = {0, UINT64_MAX};

#endif
