/* SPDX-License-Identifier: MIT */
/* Flushes of a domain. */
#ifndef PVT_HOST_IOMMU_VTD_FLUSH_H
#define PVT_HOST_IOMMU_VTD_FLUSH_H

#include "host/iommu/backend.h"

void vtd_flush_domain(const struct translation *t);
void vtd_flush_range(const struct translation *t, struct page_range range);

#endif
