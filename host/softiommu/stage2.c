/* SPDX-License-Identifier: MIT */
#include "host/softiommu/stage2.h"

bool stage2(const struct softiommu *iommu, uint64_t gpa, enum oracle_access access, uint64_t *spa,
            uint64_t *size)
{
    return iommu->call.stage2(iommu->call.owner, gpa, access, spa, size) && *size != 0;
}
