/* SPDX-License-Identifier: MIT */
/* Shared by the calls: the backend that hypercalls_init() chose. */
#ifndef PVT_HOST_HYPERCALLS_STATE_H
#define PVT_HOST_HYPERCALLS_STATE_H

#include "host/iommu/backend.h"

const struct iommu_backend *hypercalls_backend(void);

#endif
