/* SPDX-License-Identifier: MIT */
/* Bounds of the loaded image, from linker/guest.lds; all but ImageBase are page aligned. */
#ifndef PVT_KERNEL_IMAGE_H
#define PVT_KERNEL_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#define IMAGE_SYMBOL __attribute__((visibility("hidden")))

extern const char ImageBase[] IMAGE_SYMBOL;
extern const char image_text_start[] IMAGE_SYMBOL, image_text_end[] IMAGE_SYMBOL;
extern const char image_rodata_start[] IMAGE_SYMBOL, image_rodata_end[] IMAGE_SYMBOL;
extern const char image_data_start[] IMAGE_SYMBOL, image_data_end[] IMAGE_SYMBOL;
extern char image_bss_start[] IMAGE_SYMBOL; /* ends where the data end */

/* Note of the linker: three lengths, "GNU", and a hash of the linked file. */
extern const struct image_build_id {
    uint32_t name_size, hash_size, type;
    char name[4];
    uint8_t hash[20];
} image_build_id IMAGE_SYMBOL;

/* Load address of the image. An address minus this is an address in the ELF file with the debug
 * information. */
static inline uint64_t image_base(void)
{
    return (uint64_t)ImageBase;
}

static inline bool image_is_text(uint64_t address)
{
    return address >= (uint64_t)image_text_start && address < (uint64_t)image_text_end;
}

#endif
