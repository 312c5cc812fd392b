/* SPDX-License-Identifier: MIT */
/* The processors that the machine has, from the ACPI table "APIC" (ACPI 6.5, 5.2.12). */
#ifndef PVT_HOST_PLATFORM_MADT_H
#define PVT_HOST_PLATFORM_MADT_H

#include <stdint.h>

/* Notes the enabled processors of a table of `length` bytes. */
void madt_read(uint8_t *table, uint32_t length);
/* Their local APIC ids, in the order of the table. */
unsigned madt_processors(const uint32_t **apic_ids);
#define MADT_IO_APICS_MAX 4u
/* Addresses of the registers of the I/O APICs. */
unsigned madt_io_apics(const uint32_t **addresses);
/* Marks all processors but one as disabled: for a host that cannot start others. */
void madt_hide_all_but(uint32_t apic_id);

#endif
