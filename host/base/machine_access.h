/* SPDX-License-Identifier: MIT */
/* Registers of the machine in memory: one access, of the size that is asked for. */
#ifndef PVT_HOST_BASE_MACHINE_ACCESS_H
#define PVT_HOST_BASE_MACHINE_ACCESS_H

#include <stdint.h>

/* `size` is 1, 2, 4 or 8 bytes, `address` a multiple of it. */
uint64_t machine_in(uint64_t address, unsigned size);
void machine_out(uint64_t address, unsigned size, uint64_t value);

#endif
