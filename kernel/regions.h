/* SPDX-License-Identifier: MIT */
/* Questions about the boot memory map. */
#ifndef PVT_KERNEL_REGIONS_H
#define PVT_KERNEL_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

struct boot_info;

void regions_init(const struct boot_info *info);
/* True when one FREE region holds all of [start, start + length). */
bool regions_free(uint64_t start, uint64_t length);
/* Lowest start >= `minimum`, a multiple of `align`, with `length` free bytes that do not touch
 * [avoid, avoid + avoid_length); 0 = none. */
uint64_t regions_find(uint64_t minimum, uint64_t length, uint64_t align, uint64_t avoid,
                      uint64_t avoid_length);

#endif
