/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_HYPERCALLS_FLUSH_CALLS_H
#define PVT_HOST_HYPERCALLS_FLUSH_CALLS_H

#include "abi/status.h"
#include "host/iommu/backend.h"

/* The pages that an element of a flush list names; INVALID_PARAMETER for an element that is none.
 */
enum hv_status flush_element_decode(uint64_t element, struct page_range *range);

#endif
