/* SPDX-License-Identifier: MIT */
#include "host/domains/rules.h"

#include "abi/device_domain.h"
#include "host/domains/domains.h"

static const struct iommu_backend *as_found(const struct iommu_backend *found)
{
    return found;
}

struct domain_rules domain_rules = {
    .limit = DOMAIN_LIMIT,
    .id_bits = UINT32_MAX,
    .settings_reserved = HV_DEVICE_DOMAIN_SETTINGS_RESERVED,
    .blocking_root = HV_STATUS_SUCCESS,
    .reconfigured = HV_STATUS_SUCCESS,
    .reconfigured_in_use = HV_STATUS_OBJECT_IN_USE,
    .unconfigured = HV_STATUS_OPERATION_DENIED,
    .attach_same = HV_STATUS_DEVICE_ALREADY_IN_DOMAIN,
    .backend = as_found,
};
