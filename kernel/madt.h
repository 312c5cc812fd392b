/* SPDX-License-Identifier: MIT */
/* Processors in the ACPI table "APIC" (ACPI 6.5, 5.2.12). */
#ifndef PVT_KERNEL_MADT_H
#define PVT_KERNEL_MADT_H

#include <stdbool.h>
#include <stdint.h>

/* The first enabled processor whose local APIC has another id than `own`. False when there is none.
 */
bool madt_find_other(uint32_t own, uint32_t *apic_id);

#endif
