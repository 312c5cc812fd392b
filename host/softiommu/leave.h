/* SPDX-License-Identifier: MIT */
/* What is dropped when a domain loses a device, and when it ends. */
#ifndef PVT_HOST_SOFTIOMMU_LEAVE_H
#define PVT_HOST_SOFTIOMMU_LEAVE_H

#include "host/softiommu/softiommu.h"

/* `device` has left the domain `tag`: drops the domain's IOTLB and walk caches if it was the last. */
void leave_domain(struct softiommu *iommu, uint16_t tag, enum softiommu_switch how);
/* For SOFTIOMMU_OMIT_DELETE_KEEPS_ROOT: the root that a new domain under the tag of a deleted one gets. */
uint64_t leave_kept_root(const struct softiommu *iommu, const struct softiommu_translation *t);

#endif
