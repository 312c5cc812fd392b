/* SPDX-License-Identifier: MIT */
/* Stage 1 as the unit does it: the IOTLB, and a walk where that knows nothing. */
#ifndef PVT_HOST_SOFTIOMMU_STAGE1_H
#define PVT_HOST_SOFTIOMMU_STAGE1_H

#include "host/softiommu/softiommu.h"
#include "host/softiommu/tlb.h"

/* The IOVA window that x86 units take for interrupts; nothing else is done with it (Reference 5).
 */
#define INTERRUPT_WINDOW_FIRST UINT64_C(0xFEE00000)
#define INTERRUPT_WINDOW_LAST  UINT64_C(0xFEEFFFFF)

/* `t`: PAGING. */
enum softiommu_reason stage1_find(struct softiommu *iommu, const struct softiommu_translation *t,
                                  uint64_t iova, enum oracle_access access, struct leaf *leaf);

#endif
