/* SPDX-License-Identifier: MIT */
/*
 * The TLB inside a device with ATS. It holds what translation requests brought, and the device uses
 * that without asking the unit again: neither its context entry nor its IOTLB. Stage 2 is still
 * asked on every use ("secure ATS").
 */
#ifndef PVT_HOST_SOFTIOMMU_DEVICE_TLB_H
#define PVT_HOST_SOFTIOMMU_DEVICE_TLB_H

#include "host/softiommu/private.h"

/* False when the device must send a translation request. */
bool device_tlb_find(struct softiommu *iommu, unsigned device, uint64_t iova,
                     enum oracle_access access, struct leaf *leaf);
void device_tlb_fill(struct softiommu *iommu, unsigned device, uint64_t iova,
                     const struct leaf *leaf);
void device_tlb_drop_range(struct softiommu *iommu, unsigned device, struct page_span pages);

#endif
