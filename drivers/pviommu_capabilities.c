/* SPDX-License-Identifier: MIT */
#include "drivers/pviommu.h"

/* Presence is decided by the call alone: no CPUID bit promises it, and guests look at none (reference 1.1). */
const struct hv_output_get_iommu_capabilities *pviommu_capabilities(void)
{
    static struct hv_output_get_iommu_capabilities cached;
    static bool known;

    if (!known) {
        known = pviommu_get_capabilities(&cached) == HV_STATUS_SUCCESS;
    }
    return known && (cached.iommu_cap & HV_IOMMU_CAP_PRESENT) != 0 ? &cached : NULL;
}
