/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_DEFECTS_TABLE_CORRUPTION_H
#define PVT_HOST_DEFECTS_TABLE_CORRUPTION_H

#include "host/iommu/backend.h"

/* One of the defects that this file commits is on. */
bool table_corruption_any(void);
/* The guest's tables become those that a host which misreads them would have seen. */
void table_corrupt(const struct translation *translation);
/* DEFECT_READ_ONLY_IGNORED: the same for read-only entries. */
void translation_make_writable(const struct translation *translation);
/* The top table has no entry. */
bool translation_is_empty(const struct translation *translation);

#endif
