/* SPDX-License-Identifier: MIT */
#include "host/hypercalls/fields.h"

#include "host/defects/defects.h"

enum hv_status check_partition(uint64_t partition_id)
{
    if (partition_id == HV_PARTITION_ID_SELF || defect_active(DEFECT_FOREIGN_PARTITION))
        return HV_STATUS_SUCCESS;
    return HV_STATUS_INVALID_PARTITION_ID;
}

/* VTL 0 is the only one: either unnamed or named. */
static bool vtl_valid(uint8_t vtl)
{
    return (vtl & ~HV_INPUT_VTL_USE_TARGET) == 0;
}

enum hv_status check_device_domain(const struct hv_input_device_domain *name)
{
    enum hv_status status = check_partition(name->partition_id);
    uint32_t type = name->domain_id.type & HV_DEVICE_DOMAIN_TYPE_MASK;

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (!vtl_valid(name->owner_vtl.value) || (name->domain_id.type & HV_DEVICE_DOMAIN_TYPE_RESERVED) != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (type == HV_DEVICE_DOMAIN_TYPE_S2 || type == HV_DEVICE_DOMAIN_TYPE_SOC)
        return HV_STATUS_ACCESS_DENIED;
    if (type != HV_DEVICE_DOMAIN_TYPE_S1 || name->domain_id.id == HV_DEVICE_DOMAIN_ID_DEFAULT ||
        name->domain_id.id == HV_DEVICE_DOMAIN_ID_NULL)
        return HV_STATUS_INVALID_PARAMETER;
    return HV_STATUS_SUCCESS;
}
