/* SPDX-License-Identifier: MIT */
/* The kernel's own stage-1 tables: virtual == physical, and no page is both writable and
 * executable. */
#ifndef PVT_KERNEL_PAGING_H
#define PVT_KERNEL_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boot_info;

/* Bytes: physical addresses from here on are not mapped, since virtual addresses equal physical
 * ones, and a canonical address of four levels has 47 bits below its sign (Intel SDM volume
 * 1, 3.3.7.1). */
#define PAGING_GPA_LIMIT (UINT64_C(1) << 47)

enum paging_access {
    PAGING_NONE, /* not present */
    PAGING_RO,
    PAGING_RW,
    PAGING_RX,
    PAGING_MMIO, /* RW, uncached */
    PAGING_RWX,  /* only for the firmware's code, and only while it runs */
    PAGING_ACCESS_MASK = 7,
    PAGING_USER = 8, /* flag: also accessible at CPL 3 */
};

/* Builds the map from the boot regions and switches to it. */
void paging_init(const struct boot_info *info);

/* False as long as the firmware's tables are in force. */
bool paging_live(void);

/* Changes [gpa, gpa + length), both multiples of 4 KiB; large pages are split where needed. The new
 * access is in force on return. */
void paging_set(uint64_t gpa, uint64_t length, enum paging_access access);
/* Access (with PAGING_USER) of the page that holds the address. */
enum paging_access paging_get(uint64_t gpa);

/* Maps device registers uncached; gpa need not be aligned. NULL: they are not below
 * PAGING_GPA_LIMIT. */
volatile void *paging_map_mmio(uint64_t gpa, uint64_t length);

/* The top table, and how many levels there are; for user_space.c, which makes other trees with the
 * same kernel. */
const uint64_t *paging_root(unsigned *levels);

/* Number of pages in the live tables that are writable and executable; always 0. */
size_t paging_count_wx(void);

#endif
