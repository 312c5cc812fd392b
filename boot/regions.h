/* SPDX-License-Identifier: MIT */
#ifndef PVT_BOOT_REGIONS_H
#define PVT_BOOT_REGIONS_H

#include <stdbool.h>

#include "kernel/boot_info.h"

/* Says that [start, end) is of that kind, whatever was said before. Neighbors of one kind become
 * one region. Bounds are rounded outwards to 4 KiB. False when the array is full. */
bool regions_paint(struct boot_info *info, uint64_t start, uint64_t end, enum memory_kind kind);

#endif
