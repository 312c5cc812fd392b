/* SPDX-License-Identifier: MIT */
/* The requests in flight of each device: a list, oldest first. */
#ifndef PVT_HOST_SOFTIOMMU_IN_FLIGHT_H
#define PVT_HOST_SOFTIOMMU_IN_FLIGHT_H

#include "host/softiommu/private.h"

void in_flight_add(struct softiommu *iommu, unsigned device, struct softiommu_request *request);
void in_flight_remove(struct softiommu *iommu, const struct softiommu_request *request);
/* The oldest request of the device that began before number `until`, and under the domain unless
 * `did` is ANY_DID. NULL when there is none. */
struct softiommu_request *in_flight_find(const struct softiommu *iommu, unsigned device,
                                         uint64_t until, uint32_t did);
#define ANY_DID UINT32_MAX

#endif
