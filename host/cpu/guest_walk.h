/* SPDX-License-Identifier: MIT */
/* The walk of the guest's own page tables (APM volume 2, chapter 5), in each of its modes. */
#ifndef PVT_HOST_CPU_GUEST_WALK_H
#define PVT_HOST_CPU_GUEST_WALK_H

#include <stdbool.h>
#include <stdint.h>

/* Control registers of the guest that choose the mode. */
struct guest_paging {
    uint64_t cr0, cr3, cr4, efer;
};

/* GPA of a linear address. Permissions and reserved bits are not checked, accessed bits stay as
 * they are. False: an entry is not present, or a table is not in guest RAM. */
bool guest_walk(const struct guest_paging *paging, uint64_t linear, uint64_t *gpa);

#endif
