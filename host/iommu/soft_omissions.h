/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_IOMMU_SOFT_OMISSIONS_H
#define PVT_HOST_IOMMU_SOFT_OMISSIONS_H

#include "host/softiommu/omissions.h"

/* What the active defects make the software IOMMU forget. */
struct softiommu_omissions soft_omissions(void);

#endif
