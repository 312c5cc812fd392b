/* SPDX-License-Identifier: MIT */
#include "host/hypercalls/validate_header.h"

#include "host/defects/defects.h"
#include "host/domains/domains.h"
#include "host/variants/variants.h"

enum hv_status check_partition(uint64_t partition_id)
{
    if (partition_id == HV_PARTITION_ID_SELF || defect_active(DEFECT_FOREIGN_PARTITION))
        return HV_STATUS_SUCCESS;
    if (defect_active(DEFECT_PARTITION_LOW_WORD) && (uint32_t)partition_id == (uint32_t)HV_PARTITION_ID_SELF)
        return HV_STATUS_SUCCESS;
    if (defect_active(DEFECT_PARTITION_ZERO) && partition_id == HV_PARTITION_ID_INVALID)
        return HV_STATUS_SUCCESS;
    if (partition_id == OWN_PARTITION_ID && variant_active(VARIANT_OWN_PARTITION_ID))
        return HV_STATUS_SUCCESS;
    return variant_status(VARIANT_FOREIGN_DENIED, HV_STATUS_ACCESS_DENIED, HV_STATUS_INVALID_PARTITION_ID);
}

bool reserved_valid(uint64_t field, uint64_t reserved)
{
    return (field & reserved) == 0 || variant_active(VARIANT_RESERVED_IGNORED);
}

/* VTL 0 is the only one: either unnamed or named. */
static bool vtl_valid(uint8_t vtl)
{
    if (defect_active(DEFECT_VTL_IGNORED))
        vtl &= HV_INPUT_VTL_RESERVED;
    return (vtl & HV_INPUT_VTL_TARGET_MASK) == 0 && reserved_valid(vtl, HV_INPUT_VTL_RESERVED);
}

/* A guest may name them only where the host gives them a meaning. */
static bool id_valid(uint32_t id)
{
    bool special = id == HV_DEVICE_DOMAIN_ID_DEFAULT || id == HV_DEVICE_DOMAIN_ID_NULL;

    return !special || variant_active(VARIANT_SPECIAL_DOMAINS);
}

static enum hv_status type_refused(enum hv_status status, uint32_t id)
{
    if (defect_active(DEFECT_TYPE_REFUSED_BLOCKS))
        domain_block(id);
    return status;
}

enum hv_status check_device_domain(const struct hv_input_device_domain *name)
{
    enum hv_status status = check_partition(name->partition_id);
    uint32_t type = name->domain_id.type & HV_DEVICE_DOMAIN_TYPE_MASK;

    if (status != HV_STATUS_SUCCESS)
        return status;
    if (defect_active(DEFECT_TYPE_BEYOND_ACCEPTED) && type > HV_DEVICE_DOMAIN_TYPE_SOC)
        type = HV_DEVICE_DOMAIN_TYPE_S1;
    if (!vtl_valid(name->owner_vtl.value) || !reserved_valid(name->domain_id.type, HV_DEVICE_DOMAIN_TYPE_RESERVED))
        return HV_STATUS_INVALID_PARAMETER;
    if (type == HV_DEVICE_DOMAIN_TYPE_S2 || type == HV_DEVICE_DOMAIN_TYPE_SOC)
        return type_refused(
            variant_status(VARIANT_OTHER_TYPE_PARAMETER, HV_STATUS_INVALID_PARAMETER, HV_STATUS_ACCESS_DENIED),
            name->domain_id.id);
    if (type != HV_DEVICE_DOMAIN_TYPE_S1)
        return type_refused(HV_STATUS_INVALID_PARAMETER, name->domain_id.id);
    if (!id_valid(name->domain_id.id))
        return HV_STATUS_INVALID_PARAMETER;
    return HV_STATUS_SUCCESS;
}
