/* SPDX-License-Identifier: MIT */
/* Decisions of the caching policy. No policy caches an entry that was not present. */
#ifndef PVT_HOST_SOFTIOMMU_POLICY_H
#define PVT_HOST_SOFTIOMMU_POLICY_H

#include "host/softiommu/private.h"

/* Cache the entry that was just read? */
bool policy_fills(struct softiommu *iommu);
/* Refuse a write because a cached entry is read-only, without a look at the tables? */
bool policy_trusts_denial(struct softiommu *iommu);
/* Fetch the present neighbors of an entry that was read: of a table, of a leaf. */
bool policy_prefetches(struct softiommu *iommu, bool leaf);
/* Before every translation: entries that go for no reason. */
void policy_evict(struct softiommu *iommu, unsigned device);

#endif
