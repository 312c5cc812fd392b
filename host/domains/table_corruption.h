/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_DOMAINS_TABLE_CORRUPTION_H
#define PVT_HOST_DOMAINS_TABLE_CORRUPTION_H

#include "host/iommu/backend.h"

/* Under a defect only: the guest's tables become what a host that reads them wrongly would make of them. */
void table_corrupt(const struct translation *translation);
/* DEFECT_EMPTY_TABLE_PASSES: the top table has no entry. */
bool translation_is_empty(const struct translation *translation);

#endif
