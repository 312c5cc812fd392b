/* SPDX-License-Identifier: MIT */
/* Which VT-d unit translates the DMA of a device, by the ACPI table DMAR. */
#ifndef PVT_DRIVERS_UNITS_VTD_DMAR_H
#define PVT_DRIVERS_UNITS_VTD_DMAR_H

#include <stddef.h>
#include <stdint.h>

/* The buses behind a bridge: of its secondary bus, and the last one. */
struct vtd_bridge {
    uint8_t secondary, last;
};
typedef struct vtd_bridge vtd_bridge_at(uint16_t bdf);

/* Sets *base to the address of the registers of the one unit that has all these devices of segment
 * 0 in its scope, and returns NULL; else the reason. `table` has `length` bytes, NULL: no table. */
const char *vtd_dmar_find(const uint8_t *table, size_t length, const uint16_t *bdfs, size_t count,
                          vtd_bridge_at *bridge_at, uint64_t *base);

#endif
