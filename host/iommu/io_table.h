/* SPDX-License-Identifier: MIT */
/* First-stage tables of the host itself (VT-d 9.7): 4 levels, 4 KiB and 2 MiB leaves, address =
 * IOVA. */
#ifndef PVT_HOST_IOMMU_IO_TABLE_H
#define PVT_HOST_IOMMU_IO_TABLE_H

#include <stdint.h>

#define IO_TABLE_ENTRIES   512u
#define IO_TABLE_TOP_LEVEL 3u /* level 0 holds 4 KiB leaves */

#define IO_ENTRY_PRESENT (UINT64_C(1) << 0)
#define IO_ENTRY_WRITE   (UINT64_C(1) << 1)
#define IO_ENTRY_USER                                                                              \
    (UINT64_C(1) << 2) /* required at every level: all requests count as user accesses */
#define IO_ENTRY_ACCESSED                                                                          \
    (UINT64_C(1) << 5) /* preset A and D: the unit then never writes to these tables */
#define IO_ENTRY_DIRTY   (UINT64_C(1) << 6)
#define IO_ENTRY_LARGE   (UINT64_C(1) << 7)
#define IO_ENTRY_ADDRESS UINT64_C(0x000FFFFFFFFFF000)

#define IO_ENTRY_READ_LEAF (IO_ENTRY_PRESENT | IO_ENTRY_USER | IO_ENTRY_ACCESSED)
#define IO_ENTRY_TABLE     (IO_ENTRY_READ_LEAF | IO_ENTRY_WRITE)
#define IO_ENTRY_LEAF      (IO_ENTRY_READ_LEAF | IO_ENTRY_WRITE | IO_ENTRY_DIRTY)

/* Top table that maps guest RAM and nothing else; `bits`: input width. */
uint64_t io_table_guest_ram(unsigned bits);
/* All of [start, end) but the interrupt window. Bounds are multiples of 4 KiB. */
void io_table_map_range(uint64_t *top, uint64_t start, uint64_t end);
/* One leaf of a level, with the tables on the way. */
void io_table_map_leaf(uint64_t *table, uint64_t address, unsigned leaf_level);

#endif
