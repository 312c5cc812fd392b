/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_SOFTIOMMU_PREFETCH_H
#define PVT_HOST_SOFTIOMMU_PREFETCH_H

#include "host/softiommu/walk.h"

/* Caches present neighbors of the entry that the walk is at, out of its cache line, if the policy
 * wants them. Sets no A or D: entries that would need it are left alone. */
void prefetch_line(const struct walk *walk);

#endif
