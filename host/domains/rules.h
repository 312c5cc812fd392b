/* SPDX-License-Identifier: MIT */
/*
 * Numbers and statuses of the layer of domains. The values in rules.c are those of this host;
 * another host, right or wrong, is made by other values before launch (host/variants,
 * host/defects).
 */
#ifndef PVT_HOST_DOMAINS_RULES_H
#define PVT_HOST_DOMAINS_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/status.h"
#include "host/iommu/backend.h"

struct domain_rules {
    unsigned limit;        /* domains that can exist; at most DOMAIN_LIMIT */
    uint32_t id_bits;      /* of an id that tell domains apart */
    bool reserved_domains; /* the two reserved ids are domains of the host (DOM-4) */
    bool start_blocked;    /* devices are in no domain before their first ATTACH */

    uint64_t settings_reserved;         /* flags that CONFIGURE refuses */
    enum hv_status blocking_root;       /* of a blocking domain with a root */
    enum hv_status reconfigured;        /* of another CONFIGURE of a domain, */
    enum hv_status reconfigured_in_use; /* and while it has devices */

    enum hv_status unconfigured; /* of ATTACH to a domain that was never configured */
    enum hv_status attach_same;  /* of ATTACH to the domain that the device is in */

    /* Backend of the domains; `found` is that of the machine. The seam for a faulty backend. */
    const struct iommu_backend *(*backend)(const struct iommu_backend *found);
};

extern struct domain_rules domain_rules;

#endif
