/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_BASE_IMAGE_BOUNDS_H
#define PVT_HOST_BASE_IMAGE_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

/* The host's image as linked by linker/host.lds. Hidden, so that the address is taken relative to
 * RIP: it is right in the firmware's copy of the image and in the relocated one. */
extern uint8_t host_image_start[] __attribute__((visibility("hidden")));
/* The end of text and constants, which start with the image and are not written after the copy. */
extern uint8_t host_constants_end[] __attribute__((visibility("hidden")));
/* Data that is not in the file, the last part of the image. */
extern uint8_t host_bss_start[] __attribute__((visibility("hidden")));
extern uint8_t host_image_end[] __attribute__((visibility("hidden")));

static inline bool image_contains(uint64_t address)
{
    return address >= (uintptr_t)host_image_start && address < (uintptr_t)host_image_end;
}

#endif
