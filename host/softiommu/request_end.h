/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_SOFTIOMMU_REQUEST_END_H
#define PVT_HOST_SOFTIOMMU_REQUEST_END_H

#include "host/softiommu/request.h"

/* Completes what is in flight of the device under the tag, and no later request. True when there was any. */
bool drain_function(struct softiommu *iommu, unsigned device, uint16_t tag);

#endif
