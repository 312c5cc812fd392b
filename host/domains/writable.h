/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_DOMAINS_WRITABLE_H
#define PVT_HOST_DOMAINS_WRITABLE_H

#include "host/iommu/backend.h"

/* DEFECT_READ_ONLY_IGNORED: sets the write bit in every present entry of the guest's tables. */
void translation_make_writable(const struct translation *translation);

#endif
