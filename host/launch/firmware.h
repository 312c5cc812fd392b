/* SPDX-License-Identifier: MIT */
/* UEFI services that the loader needs. */
#ifndef PVT_HOST_LAUNCH_FIRMWARE_H
#define PVT_HOST_LAUNCH_FIRMWARE_H

#include <efi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct firmware {
    EFI_HANDLE image;
    EFI_HANDLE boot_volume;
    EFI_SYSTEM_TABLE *table;
};

/* Notes the volume from which the image was started. */
void firmware_init(struct firmware *firmware, EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

/* `bytes` of EfiReservedMemoryType, aligned to 2 MiB: whole entries of the nested tables. */
uint64_t firmware_reserve(const struct firmware *firmware, uint64_t bytes);

/* `bytes` (whole pages) of the same type below 640 KiB; 0 = none left. */
uint64_t firmware_reserve_low(const struct firmware *firmware, uint64_t bytes);

/* `bytes` (whole pages) for ACPI tables, below 4 GiB; 0 = none left. */
uint64_t firmware_allocate_tables(const struct firmware *firmware, uint64_t bytes);

/* Reads a file of the boot volume; its size, or 0 when there is none. Halts when it is larger than
 * `size` or unreadable. */
size_t firmware_read_file(const struct firmware *firmware, const CHAR16 *path, void *to,
                          size_t size);

/* The firmware has parts in System Management Mode, which it enters by SMI (PI specification,
 * volume 4, 5.7: it offers them as EFI_MM_COMMUNICATION_PROTOCOL). */
bool firmware_has_smm(const struct firmware *firmware);

/* ACPI root pointer; 0 = none. */
uint64_t firmware_rsdp(const struct firmware *firmware);

/* From now on boot_services_end() follows a successful ExitBootServices(). */
void firmware_watch_boot_services(const struct firmware *firmware);

/* Loads and starts an image of the boot volume, with `options_bytes` of load options where
 * `options` is not NULL; halts with a message on failure and when the image returns. */
void firmware_start_image(const struct firmware *firmware, const CHAR16 *path, CHAR16 *options,
                          size_t options_bytes) __attribute__((noreturn));

#endif
