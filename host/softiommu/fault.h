/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_SOFTIOMMU_FAULT_H
#define PVT_HOST_SOFTIOMMU_FAULT_H

#include "host/softiommu/softiommu.h"

/* Keeps the first fault of a device until it is taken, and counts the others. */
void fault_record(struct softiommu *iommu, unsigned device, uint64_t iova,
                  enum oracle_access access, enum softiommu_reason reason);

#endif
