/* SPDX-License-Identifier: MIT */
#include "host/hypercalls/validate_header.h"

#include "host/hypercalls/rules.h"

enum hv_status check_partition(uint64_t partition_id)
{
    uint64_t difference = partition_id ^ HV_PARTITION_ID_SELF;

    if ((difference & call_rules.partition_bits) == 0 || partition_id == call_rules.partition_number)
        return HV_STATUS_SUCCESS;
    return HV_STATUS_INVALID_PARTITION_ID;
}

bool reserved_valid(uint64_t field, uint64_t reserved)
{
    return (field & reserved & call_rules.reserved_bits) == 0;
}

/* VTL 0 is the only one: either unnamed or named. */
static bool vtl_valid(uint8_t vtl)
{
    return (vtl & call_rules.vtl_bits) == 0 && reserved_valid(vtl, HV_INPUT_VTL_RESERVED);
}

/* A guest may name the reserved ids only where the host gives them a meaning. */
static bool id_valid(uint32_t id)
{
    bool reserved = id == HV_DEVICE_DOMAIN_ID_DEFAULT || id == HV_DEVICE_DOMAIN_ID_NULL;

    return !reserved || call_rules.reserved_ids;
}

enum hv_status check_device_domain(const struct hv_input_device_domain *name)
{
    enum hv_status status = check_partition(name->partition_id);

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (!vtl_valid(name->owner_vtl.value) || !reserved_valid(name->domain_id.type, HV_DEVICE_DOMAIN_TYPE_RESERVED))
        return HV_STATUS_INVALID_PARAMETER;
    status = call_rules.domain_type[name->domain_id.type & HV_DEVICE_DOMAIN_TYPE_MASK];
    if (status == HV_STATUS_SUCCESS && !id_valid(name->domain_id.id))
        return HV_STATUS_INVALID_PARAMETER;
    return status;
}
