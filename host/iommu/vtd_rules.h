/* SPDX-License-Identifier: MIT */
/* The values of this host's VT-d backend, as data. Written before launch only. */
#ifndef PVT_HOST_IOMMU_VTD_RULES_H
#define PVT_HOST_IOMMU_VTD_RULES_H

#include <stdint.h>

struct vtd_rules {
    uint8_t iova_bits;                /* that the guest is told */
    uint64_t address_width;           /* of a PASID table entry (VTD_PASID_AW_...) */
    uint64_t (*identity_table)(void); /* top table of the identity translation */
};
extern struct vtd_rules vtd_rules;

#endif
