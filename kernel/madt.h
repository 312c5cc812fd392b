/* SPDX-License-Identifier: MIT */
/* Processors in the ACPI table "APIC" (ACPI 6.5, 5.2.12). */
#ifndef PVT_KERNEL_MADT_H
#define PVT_KERNEL_MADT_H

#include <stdint.h>

/* The enabled processors whose local APIC has another id than `own`: their number, and the ids of
 * the first `most` of them. 0 also for a table that makes no sense. */
unsigned madt_find_others(uint32_t own, uint32_t *apic_ids, unsigned most);

#endif
