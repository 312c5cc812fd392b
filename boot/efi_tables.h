/* SPDX-License-Identifier: MIT */
/* The configuration tables that the firmware lists in the system table (UEFI 2.10, 4.6). */
#ifndef PVT_BOOT_EFI_TABLES_H
#define PVT_BOOT_EFI_TABLES_H

#include "boot/boot.h"

/* NULL when the system table does not list it. */
void *boot_configuration_table(const struct boot *boot, const EFI_GUID *id);
/* Fills info->rsdp. */
void boot_acpi(const struct boot *boot);
/* Fills info->mmio_hints and info->frame_buffer (mmio_hints.c). */
void boot_mmio_hints(const struct boot *boot);

#endif
