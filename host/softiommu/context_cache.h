/* SPDX-License-Identifier: MIT */
/* Cached entries of the device table. */
#ifndef PVT_HOST_SOFTIOMMU_CONTEXT_CACHE_H
#define PVT_HOST_SOFTIOMMU_CONTEXT_CACHE_H

#include "host/softiommu/private.h"

/* By the cache; else by the device table, and then cached if the policy wants. */
struct softiommu_translation context_of(struct softiommu *iommu, unsigned device);
void context_drop(struct softiommu *iommu, unsigned device);

#endif
