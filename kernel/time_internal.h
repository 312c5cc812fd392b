/* SPDX-License-Identifier: MIT */
#ifndef PVT_KERNEL_TIME_INTERNAL_H
#define PVT_KERNEL_TIME_INTERNAL_H

#include <stdint.h>

/* The zero of time_ns(). */
void time_set_start(uint64_t entry_tsc);

#endif
