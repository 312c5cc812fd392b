/* SPDX-License-Identifier: MIT */
/* Access to entries of the guest's tables, through stage 2. */
#ifndef PVT_HOST_SOFTIOMMU_TABLE_ENTRY_H
#define PVT_HOST_SOFTIOMMU_TABLE_ENTRY_H

#include "host/softiommu/walk.h"

struct table_entry {
    uint64_t gpa, spa; /* of the entry */
    uint64_t value;
};

/* Entry `index` of the table that the walk is at. */
enum softiommu_reason table_entry_read(const struct walk *walk, unsigned index,
                                       struct table_entry *entry);
/* Sets bits in memory unless they are set, by the mode of A and D. WALK_AGAIN when the entry has
 * changed; refused when stage 2 does not let the guest write the table. */
enum softiommu_reason table_entry_mark(const struct walk *walk, struct table_entry *entry,
                                       uint64_t bits);
/* Rights that all levels down to this entry give. */
uint8_t table_entry_rights(const struct walk *walk, uint64_t entry);

#endif
