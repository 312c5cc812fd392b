/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_DEVICE_PROPERTY_H
#define PVT_ABI_DEVICE_PROPERTY_H

#include <stdint.h>

#include "assert.h"

/* HVCALL_GET_LOGICAL_DEVICE_PROPERTY (Reference 3.8): is this device behind the pvIOMMU? */
struct hv_input_get_logical_device_property {
    uint64_t partition_id;
    uint64_t logical_device_id;
    uint32_t code;
    uint32_t reserved;
};
ABI_SIZE(struct hv_input_get_logical_device_property, 24);
ABI_OFFSET(struct hv_input_get_logical_device_property, partition_id, 0);
ABI_OFFSET(struct hv_input_get_logical_device_property, logical_device_id, 8);
ABI_OFFSET(struct hv_input_get_logical_device_property, code, 16);
ABI_OFFSET(struct hv_input_get_logical_device_property, reserved, 20);

struct hv_output_get_logical_device_property {
    uint64_t device_iommu;
    uint64_t reserved;
};
ABI_SIZE(struct hv_output_get_logical_device_property, 16);
ABI_OFFSET(struct hv_output_get_logical_device_property, device_iommu, 0);
ABI_OFFSET(struct hv_output_get_logical_device_property, reserved, 8);

/* The only property code that is public. */
#define HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU 10u

#define HV_DEVICE_IOMMU_ENABLED  (UINT64_C(1) << 0)
#define HV_DEVICE_IOMMU_RESERVED UINT64_C(0xFFFFFFFFFFFFFFFE)

#endif
