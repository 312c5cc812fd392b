/* SPDX-License-Identifier: MIT */
/* The ACPI tables of a generation 2 VM, in the shape that its firmware gives them. */
#ifndef PVT_HOST_PLATFORM_ACPI_GENERATION2_H
#define PVT_HOST_PLATFORM_ACPI_GENERATION2_H

#include <stdint.h>

#include "host/platform/acpi_vmbus.h"

/* Puts the root pointer's tables aside: a new FADT and DSDT, and the old MADT, are all that the new
 * root in `memory` lists. `memory` is of the guest, below 4 GiB. Returns the first address after
 * the new tables. */
uint64_t acpi_generation2(uint64_t rsdp, uint64_t memory, const struct acpi_vmbus_ranges *ranges,
                          uint32_t processors);

#endif
