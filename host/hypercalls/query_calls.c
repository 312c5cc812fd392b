/* SPDX-License-Identifier: MIT */
/* GET_IOMMU_CAPABILITIES and GET_LOGICAL_DEVICE_PROPERTY (Reference 3.7, 3.8), and
 * GET_PARTITION_ID. */
#include "abi/device_property.h"
#include "abi/iommu_capabilities.h"
#include "host/domains/domains.h"
#include "host/hypercalls/call.h"
#include "host/hypercalls/state.h"
#include "host/hypercalls/validate.h"
#include "host/platform/pci_functions.h"

enum hv_status call_iommu_capabilities(struct call_context *context)
{
    const struct hv_input_get_iommu_capabilities *query = call_input(context);
    const struct backend_limits *limits = hypercalls_backend()->limits();
    struct hv_output_get_iommu_capabilities *caps = call_output(context);
    enum hv_status status = check_partition(query->partition_id);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (!reserved_valid(query->reserved, UINT64_MAX))
        return HV_STATUS_INVALID_PARAMETER;
    *caps = (struct hv_output_get_iommu_capabilities){
        .size = sizeof(*caps),
        .max_iova_width = limits->iova_bits,
        .iommu_cap = HV_IOMMU_CAP_PRESENT | HV_IOMMU_CAP_S1 |
                     (limits->five_level ? HV_IOMMU_CAP_S1_5LVL : 0) |
                     (limits->ats ? HV_IOMMU_CAP_ATS : 0),
        .pgsize_bitmap = limits->page_sizes & HV_IOMMU_PGSIZE_ALL,
    };
    return HV_STATUS_SUCCESS;
}

enum hv_status call_device_property(struct call_context *context)
{
    const struct hv_input_get_logical_device_property *query = call_input(context);
    struct hv_output_get_logical_device_property *property = call_output(context);
    enum hv_status status = check_partition(query->partition_id);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (query->reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (query->code != HV_LOGICAL_DEVICE_PROPERTY_PVIOMMU)
        return HV_STATUS_UNKNOWN_PROPERTY;
    if (!pci_function_find(query->logical_device_id))
        return HV_STATUS_INVALID_DEVICE_ID;
    property->device_iommu = device_find(query->logical_device_id) ? HV_DEVICE_IOMMU_ENABLED : 0;
    return HV_STATUS_SUCCESS;
}

enum hv_status call_partition_id(struct call_context *context)
{
    uint64_t *partition_id = call_output(context);

    *partition_id = OWN_PARTITION_ID;
    return HV_STATUS_SUCCESS;
}
