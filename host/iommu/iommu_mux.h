/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_IOMMU_IOMMU_MUX_H
#define PVT_HOST_IOMMU_IOMMU_MUX_H

#include "host/iommu/backend.h"

/* Written before launch only. */
struct mux_rules {
    uint8_t
        iova_bits; /* 0: that of the units; with another width VT-d is not a part of the pvIOMMU */
};
extern struct mux_rules mux_rules;

/* The backend for all devices of the machine, initialized; NULL when no unit is usable. The log
 * says what was found. */
const struct iommu_backend *iommu_mux_find(void);

#endif
