/* SPDX-License-Identifier: MIT */
/* Flushes of a domain. */
#ifndef PVT_HOST_IOMMU_VTD_FLUSH_H
#define PVT_HOST_IOMMU_VTD_FLUSH_H

#include "host/iommu/backend.h"

void vtd_flush_domain(const struct translation *t);
/* 2^shift pages of 4 KiB from IOVA page << 12. */
void vtd_flush_range(const struct translation *t, uint64_t page, unsigned shift);

#endif
