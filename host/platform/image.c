/* SPDX-License-Identifier: MIT */
/*
 * The firmware loads the host as EfiLoaderCode and EfiLoaderData, which the guest takes over as
 * free memory. So the host moves: the image that the firmware loaded becomes the first code of the
 * guest, and a copy of it in reserved memory becomes the host. The two share nothing. A second
 * LoadImage() could not do it, as UEFI lets no caller choose the memory type of an image; and an
 * edited memory map would have to be edited on every call.
 */
#include "host/platform/image.h"

#include "lib/string.h"

#define DT_NULL   0
#define DT_RELA   7
#define DT_RELASZ 8

#define R_X86_64_NONE     0
#define R_X86_64_RELATIVE 8

struct dynamic {
    int64_t tag;
    uint64_t value;
};

struct rela {
    uint64_t offset;
    uint32_t type, symbol;
    int64_t addend;
};

extern const struct dynamic image_dynamic[]
    __attribute__((visibility("hidden"))); /* linker/host.lds */

size_t image_size(void)
{
    return (uintptr_t)host_image_end - (uintptr_t)host_image_start;
}

static uint64_t dynamic_value(int64_t tag)
{
    for (const struct dynamic *entry = image_dynamic; entry->tag != DT_NULL; entry++)
        if (entry->tag == tag)
            return entry->value;
    return 0;
}

void image_clear_bss(void)
{
    memset(host_bss_start, 0, (uintptr_t)host_image_end - (uintptr_t)host_bss_start);
}

bool image_copy(uint8_t *to)
{
    const struct rela *entry = (const struct rela *)(host_image_start + dynamic_value(DT_RELA));
    size_t count = dynamic_value(DT_RELASZ) / sizeof(*entry);
    uint64_t distance = (uintptr_t)to - (uintptr_t)host_image_start;

    memcpy(to, host_image_start, image_size());
    for (; count-- > 0; entry++) {
        uint64_t *slot;

        if (entry->type == R_X86_64_NONE)
            continue;
        if (entry->type != R_X86_64_RELATIVE)
            return false;

        /* The start-up code has added the address of the first image. */
        slot = (uint64_t *)(to + entry->offset);

        *slot += distance;
    }
    return true;
}
