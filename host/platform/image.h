/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_PLATFORM_IMAGE_H
#define PVT_HOST_PLATFORM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/image_bounds.h"

size_t image_size(void);
/* Clears the data that is not in the file: not every PE loader does. To be called first of all. */
void image_clear_bss(void);
/*
 * Copies the running image to `to` (image_size() bytes, page-aligned) and relocates the copy. To be
 * called before anything wrote to the image's data. False when the image has a relocation that the
 * host does not know.
 */
bool image_copy(uint8_t *to);
/* Address in the copy of something in the running image. */
static inline uintptr_t image_in_copy(const uint8_t *copy, const void *original)
{
    return (uintptr_t)copy + ((uintptr_t)original - (uintptr_t)host_image_start);
}

#endif
