/* SPDX-License-Identifier: MIT */
/* Which event invalidates which state: a table, handed to the IOMMU in its configuration. */
#ifndef PVT_HOST_SOFTIOMMU_RULES_H
#define PVT_HOST_SOFTIOMMU_RULES_H

#include <stdbool.h>

enum softiommu_event {
    SOFTIOMMU_EVENT_DOMAIN_FLUSH,
    SOFTIOMMU_EVENT_RANGE_FLUSH,
    SOFTIOMMU_EVENT_ATTACH,          /* to a domain that translates, or to identity */
    SOFTIOMMU_EVENT_ATTACH_BLOCKING, /* to a domain that blocks */
    SOFTIOMMU_EVENT_DETACH,
    SOFTIOMMU_EVENT_DELETE,
    SOFTIOMMU_EVENT_ATS_CHANGE,
    SOFTIOMMU_EVENTS
};

enum softiommu_effect {
    SOFTIOMMU_DROPS_CONTEXT,
    SOFTIOMMU_DROPS_IOTLB,
    SOFTIOMMU_DROPS_WALK_1, /* walk caches by the level of the entry */
    SOFTIOMMU_DROPS_WALK_2,
    SOFTIOMMU_DROPS_WALK_3,
    SOFTIOMMU_DROPS_WALK_4,
    SOFTIOMMU_DROPS_DEVICE_TLB,
    SOFTIOMMU_DRAINS, /* completes the requests that are in flight */
    SOFTIOMMU_EFFECTS
};

struct softiommu_rules {
    bool has[SOFTIOMMU_EVENTS][SOFTIOMMU_EFFECTS];
};

/* Those of the ABI. */
extern const struct softiommu_rules softiommu_abi_rules;

#endif
