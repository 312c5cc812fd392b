/* SPDX-License-Identifier: MIT */
#ifndef PVT_KERNEL_ACPI_H
#define PVT_KERNEL_ACPI_H

#include <stddef.h>
#include <stdint.h>

struct acpi_table {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));

void acpi_init(uint64_t rsdp);
/* The n-th table with that signature whose checksum is right, or NULL. */
const struct acpi_table *acpi_find(const char signature[4], unsigned n);

#endif
