/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_IOMMU_CAPABILITIES_H
#define PVT_ABI_IOMMU_CAPABILITIES_H

#include <stdint.h>

#include "assert.h"

/* HVCALL_GET_IOMMU_CAPABILITIES (Reference 3.7). INVALID_HYPERCALL_CODE means that the host has no
 * pvIOMMU. */
struct hv_input_get_iommu_capabilities {
    uint64_t partition_id;
    uint64_t reserved;
};
ABI_SIZE(struct hv_input_get_iommu_capabilities, 16);
ABI_OFFSET(struct hv_input_get_iommu_capabilities, partition_id, 0);
ABI_OFFSET(struct hv_input_get_iommu_capabilities, reserved, 8);

struct hv_output_get_iommu_capabilities {
    uint32_t size; /* not public; probably the size of this structure */
    uint16_t reserved;
    uint8_t max_iova_width;
    uint8_t max_pasid_width;
    uint64_t iommu_cap;
    uint64_t pgsize_bitmap; /* bit k: pages of 2^k bytes */
};
ABI_SIZE(struct hv_output_get_iommu_capabilities, 24);
ABI_OFFSET(struct hv_output_get_iommu_capabilities, size, 0);
ABI_OFFSET(struct hv_output_get_iommu_capabilities, reserved, 4);
ABI_OFFSET(struct hv_output_get_iommu_capabilities, max_iova_width, 6);
ABI_OFFSET(struct hv_output_get_iommu_capabilities, max_pasid_width, 7);
ABI_OFFSET(struct hv_output_get_iommu_capabilities, iommu_cap, 8);
ABI_OFFSET(struct hv_output_get_iommu_capabilities, pgsize_bitmap, 16);

/* A guest needs PRESENT and S1, and may use S1_5LVL and ATS. */
#define HV_IOMMU_CAP_PRESENT  (UINT64_C(1) << 0)
#define HV_IOMMU_CAP_S2       (UINT64_C(1) << 1)
#define HV_IOMMU_CAP_S1       (UINT64_C(1) << 2)
#define HV_IOMMU_CAP_S1_5LVL  (UINT64_C(1) << 3)
#define HV_IOMMU_CAP_PASID    (UINT64_C(1) << 4)
#define HV_IOMMU_CAP_ATS      (UINT64_C(1) << 5)
#define HV_IOMMU_CAP_PRI      (UINT64_C(1) << 6)
#define HV_IOMMU_CAP_RESERVED UINT64_C(0xFFFFFFFFFFFFFF80)

#define HV_IOMMU_PGSIZE_4K  (UINT64_C(1) << 12) /* a guest cannot do without it */
#define HV_IOMMU_PGSIZE_2M  (UINT64_C(1) << 21)
#define HV_IOMMU_PGSIZE_1G  (UINT64_C(1) << 30)
#define HV_IOMMU_PGSIZE_ALL (HV_IOMMU_PGSIZE_4K | HV_IOMMU_PGSIZE_2M | HV_IOMMU_PGSIZE_1G)

/* Guests clamp a wider IOVA to this unless the host reports S1_5LVL. */
#define HV_IOMMU_IOVA_WIDTH_4_LEVEL 48u
#define HV_IOMMU_IOVA_WIDTH_5_LEVEL 57u

#endif
