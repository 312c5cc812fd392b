/* SPDX-License-Identifier: MIT */
/* The address range in which the BARs of emulated functions answer. */
#ifndef PVT_HOST_VDEV_BAR_DECODE_H
#define PVT_HOST_VDEV_BAR_DECODE_H

#include "host/vdev/vdev.h"

/* Room for all BARs, and as much again to move them. A BAR that stands elsewhere is not decoded, as
 * below a bridge. */
#define BAR_WINDOW_SIZE 0x2000000u

/* `base` is aligned to BAR_WINDOW_SIZE. Before launch. */
void bar_decode_init(uint64_t base);
/* Another range, of which the caller traps the accesses and passes them on to bar_read() and
 * bar_write(). */
void bar_decode_allow(uint64_t start, uint64_t length);
/* After command register or BAR 0 of a function changed. */
void bar_decode_update(struct vdev_function *function);

/* Registers of the function that answers at this address; all ones when none does. */
uint64_t bar_read(uint64_t gpa, unsigned size);
void bar_write(uint64_t gpa, unsigned size, uint64_t value);

#endif
