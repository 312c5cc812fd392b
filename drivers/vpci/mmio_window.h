/* SPDX-License-Identifier: MIT */
/*
 * Where a guest may put configuration windows and BARs of vPCI, found without an interpreter of AML
 * (reference 1.3). No function here touches the machine: tables and maps are handed in.
 */
#ifndef PVT_DRIVERS_VPCI_MMIO_WINDOW_H
#define PVT_DRIVERS_VPCI_MMIO_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/boot_info.h"

/* One below 4 GiB, for 32-bit BARs, and one above it. Length 0: none. */
struct mmio_windows {
    struct mmio_range low, high;
};

/* Conditions for any source: at least one range; whole pages; the low one between 1 MiB and the
 * registers of the chipset; the high one above 4 GiB and below 2^physical_bits. The rest is cut
 * off; false when none is left.
 */
bool mmio_windows_check(struct mmio_windows *w, unsigned physical_bits);

/* (a) Microsoft's firmware: the DSDT names a block of data in memory, which the firmware fills in.
 */
bool mmio_block_address(const void *dsdt, size_t length, uint64_t *gpa);
#define MMIO_BLOCK_SIZE 16u /* bytes of it that are read */
void mmio_from_block(const void *block, struct mmio_windows *w);

/* (b, c) The largest range below 4 GiB and the largest above it, of those that one source of the
 * firmware names. */
void mmio_from_hints(const struct mmio_hint *hints, size_t count, enum mmio_hint_source source,
                     struct mmio_windows *w);

/* (f) Static resource descriptors in a table that describes VMBus; of several of a kind the largest
 * counts. False: no such table, or none in it. */
bool mmio_from_aml(const void *table, size_t length, struct mmio_windows *w);

/* (d) Holes of the memory map: from the end of memory below 4 GiB on, and from the first GiB
 * boundary that lies above all memory and above 64 GiB. `used` is sorted by base and does not
 * overlap. */
void mmio_from_holes(const struct mmio_range *used, size_t count, unsigned physical_bits,
                     struct mmio_windows *w);

/* Takes `length` bytes, aligned to their size, which is a power of two; 0 when there is no room.
 * `avoid` (length 0: nothing) is left out: the frame buffer of the firmware. */
uint64_t mmio_take(struct mmio_range *range, uint64_t length, const struct mmio_range *avoid);

#endif
