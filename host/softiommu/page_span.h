/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_SOFTIOMMU_PAGE_SPAN_H
#define PVT_HOST_SOFTIOMMU_PAGE_SPAN_H

#include <stdint.h>

/* Pages of 4 KiB by number, both ends included. */
struct page_span {
    uint64_t first, last;
};

static const struct page_span all_pages = {0, UINT64_MAX};

#endif
