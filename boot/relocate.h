/* SPDX-License-Identifier: MIT */
#ifndef PVT_BOOT_RELOCATE_H
#define PVT_BOOT_RELOCATE_H

/* Adds the load address to every constant that holds an address: gnu-efi's start code knows no
 * packed relocations (ELF gABI, SHT_RELR). Once, before any such constant is read. */
void relocate_image(void);

#endif
