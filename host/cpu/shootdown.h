/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_CPU_SHOOTDOWN_H
#define PVT_HOST_CPU_SHOOTDOWN_H

#include "host/cpu/cpu.h"

/* Other processors drop what they hold of the nested tables; they have when this returns. Before
 * the entry on the caller's own part. With the host's lock held. */
void shootdown_nested_tlb(const struct cpu *sender);

#endif
