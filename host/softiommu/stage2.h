/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_SOFTIOMMU_STAGE2_H
#define PVT_HOST_SOFTIOMMU_STAGE2_H

#include "host/softiommu/private.h"

/* Asks the host (struct softiommu_callbacks). */
bool stage2(const struct softiommu *iommu, uint64_t gpa, enum oracle_access access, uint64_t *spa,
            uint64_t *size);

#endif
