/* SPDX-License-Identifier: MIT */
/* First-stage tables of the host itself (VT-d 9.7): 4 levels, 4 KiB and 2 MiB leaves, address = IOVA. */
#ifndef PVT_HOST_IOMMU_IO_TABLE_H
#define PVT_HOST_IOMMU_IO_TABLE_H

#include <stdint.h>

/* Top table that maps guest RAM and nothing else; `bits`: input width. */
uint64_t io_table_guest_ram(unsigned bits);
/* Top table that maps all below `end` (bytes, rounded up to 1 GiB above 4 GiB) except the interrupt window. */
uint64_t io_table_all(uint64_t end);
/* Top table through which every address reads one page of the host. */
uint64_t io_table_foreign_page(void);

#endif
