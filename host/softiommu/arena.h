/* SPDX-License-Identifier: MIT */
/* Carves the storage. Without a base it only counts, so that the size asked for and the size used
 * cannot differ. */
#ifndef PVT_HOST_SOFTIOMMU_ARENA_H
#define PVT_HOST_SOFTIOMMU_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

#define ARENA_ALIGNMENT 16u

struct arena {
    uint8_t *base;
    size_t used;
};

/* NULL when the arena only counts. */
static inline void *arena_take(struct arena *arena, size_t size)
{
    size_t at = arena->used;

    arena->used += align_up(size, ARENA_ALIGNMENT);
    return arena->base ? arena->base + at : NULL;
}

#endif
