/* SPDX-License-Identifier: MIT */
#ifndef PVT_KERNEL_ACPI_H
#define PVT_KERNEL_ACPI_H

#include <stddef.h>
#include <stdint.h>

#include "lib/acpi_layout.h"

void acpi_init(uint64_t rsdp);
/* The n-th table with that signature whose checksum is right, or NULL. */
const struct acpi_table *acpi_find(const char signature[4], unsigned n);

#endif
