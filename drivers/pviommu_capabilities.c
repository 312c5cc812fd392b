/* SPDX-License-Identifier: MIT */
#include "drivers/hypercall.h"
#include "drivers/iommu.h"
#include "drivers/pviommu.h"
#include "lib/fmt.h"

static bool known;

void pviommu_forget_capabilities(void)
{
    known = false;
}

/* Presence is decided by the call alone: no CPUID bit promises it, and guests look at none
 * (reference 1.1). */
const struct hv_output_get_iommu_capabilities *pviommu_capabilities(void)
{
    static struct hv_output_get_iommu_capabilities cached;

    if (!known)
        known = iommu_get_capabilities(&cached) == HV_STATUS_SUCCESS;
    return known && (cached.iommu_cap & HV_IOMMU_CAP_PRESENT) != 0 ? &cached : NULL;
}

const char *pviommu_missing(void)
{
    static char text[96];
    struct hv_output_get_iommu_capabilities now;
    enum hv_status status = iommu_get_capabilities(&now);

    if (iommu_start())
        return iommu_start();
    if (status == HV_STATUS_SUCCESS) {
        fmt_snprintf(text, sizeof(text), "PRESENT is clear in iommu_cap 0x%llx",
                     (unsigned long long)now.iommu_cap);
    } else {
        fmt_snprintf(text, sizeof(text), "GET_IOMMU_CAPABILITIES answers %s (0x%x)",
                     hv_status_name(status), (unsigned)status);
    }
    return text;
}
