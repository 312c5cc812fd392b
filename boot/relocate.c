/* SPDX-License-Identifier: MIT */
#include "boot/relocate.h"

#include <stdint.h>

#include "kernel/image.h"

/* An even entry is the address of a slot. An odd one is a bitmap of the slots that follow: bit n is
 * the n-th of them, and bit 0 marks the entry. */
#define BITMAP_SLOTS 63u

extern const uint64_t relocations_start[] IMAGE_SYMBOL, relocations_end[] IMAGE_SYMBOL;

void relocate_image(void)
{
    const uint64_t base = image_base();
    uint64_t *slot = (uint64_t *)base; /* the first entry sets it */

    for (const uint64_t *entry = relocations_start; entry < relocations_end; entry++) {
        if (*entry & 1) {
            for (unsigned n = 0; n < BITMAP_SLOTS; n++)
                if (*entry >> (n + 1) & 1)
                    slot[n] += base;
            slot += BITMAP_SLOTS;
        } else {
            slot = (uint64_t *)(base + *entry);
            *slot++ += base;
        }
    }
}
