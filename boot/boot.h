/* SPDX-License-Identifier: MIT */
/* Steps of the UEFI entry. All of them run with boot services available, except where they say
 * otherwise. */
#ifndef PVT_BOOT_BOOT_H
#define PVT_BOOT_BOOT_H

#include <efi.h>

#include "kernel/boot_info.h"

/* The firmware, as the steps see it. */
struct boot {
    EFI_HANDLE image;
    EFI_SYSTEM_TABLE *system;
    EFI_LOADED_IMAGE *loaded;
    struct boot_info *info;
};

/* Called by gnu-efi's start code after it has relocated the image. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* Says why the image cannot start, then ends the machine with an error code: on COM1, and as long
 * as there are boot services also where boot/error_report.h tells. */
void boot_fail(const struct boot *boot, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* Fills info->options: load options, else \pvtest.opt, else nothing. */
void boot_options(const struct boot *boot);

/* Gets the final memory map, leaves boot services and fills info->regions. `scratch` holds the
 * firmware's map. */
void boot_exit_services(const struct boot *boot, void *scratch, size_t scratch_size);

/* Turns the firmware's map into info->regions. May run after boot services are gone. */
void boot_memory_map(const struct boot *boot, const void *map, size_t size, size_t descriptor_size);

#endif
