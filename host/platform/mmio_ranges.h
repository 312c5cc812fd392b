/* SPDX-License-Identifier: MIT */
/* Registers that the host emulates: ranges of guest-physical addresses that the nested tables leave
 * out, with the handlers of an access to them. */
#ifndef PVT_HOST_PLATFORM_MMIO_RANGES_H
#define PVT_HOST_PLATFORM_MMIO_RANGES_H

#include <stdint.h>

struct mmio_range {
    uint64_t start, length;
    /* `size` is 1, 2, 4 or 8 bytes, any alignment, within one 4 KiB page. */
    uint64_t (*read)(uint64_t gpa, unsigned size);
    void (*write)(uint64_t gpa, unsigned size, uint64_t value);
};

/* Before launch. Only pages that guest_protect() also hides are trapped. `range` stays the
 * caller's. */
void mmio_add(const struct mmio_range *range);
/* NULL when no range covers the address. */
const struct mmio_range *mmio_range_find(uint64_t gpa);

#endif
