/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_CPU_HOST_PAGING_H
#define PVT_HOST_CPU_HOST_PAGING_H

#include <stdint.h>

/* Identity map of the first 4 GiB and of all RAM for the host itself, in its own memory. Returns
 * the value for CR3. */
uint64_t host_paging_init(void);
/* Adds registers above 4 GiB. Before launch. */
void host_paging_add(uint64_t start, uint64_t length);

#endif
