/* SPDX-License-Identifier: MIT */
#include "host/softiommu/rules.h"

/* clang-format off */
const struct softiommu_rules softiommu_abi_rules = {{
    /*                                   context  IOTLB  walk caches 1-4  device TLB  requests */
    [SOFTIOMMU_EVENT_DOMAIN_FLUSH]    = {   0,      1,     1, 1, 1, 1,        1,         1 },
    [SOFTIOMMU_EVENT_RANGE_FLUSH]     = {   0,      1,     1, 1, 1, 1,        1,         1 },
    [SOFTIOMMU_EVENT_ATTACH]          = {   1,      1,     1, 1, 1, 1,        1,         1 },
    [SOFTIOMMU_EVENT_ATTACH_BLOCKING] = {   1,      1,     1, 1, 1, 1,        1,         1 },
    [SOFTIOMMU_EVENT_DETACH]          = {   1,      1,     1, 1, 1, 1,        1,         1 },
    [SOFTIOMMU_EVENT_DELETE]          = {   0,      1,     1, 1, 1, 1,        0,         1 },
    [SOFTIOMMU_EVENT_ATS_CHANGE]      = {   0,      0,     0, 0, 0, 0,        1,         0 },
}};
/* clang-format on */
