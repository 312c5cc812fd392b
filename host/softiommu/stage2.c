/* SPDX-License-Identifier: MIT */
#include "host/softiommu/stage2.h"

bool stage2(const struct softiommu *iommu, uint64_t gpa, enum oracle_access access, bool unchecked, uint64_t *spa,
            uint64_t *size)
{
    if (iommu->call.stage2(iommu->call.owner, gpa, access, spa, size) && *size != 0)
        return true;
    *spa = gpa;
    *size = BIT(12) - (gpa & (BIT(12) - 1));
    return unchecked;
}
