/* SPDX-License-Identifier: MIT */
#include "host/platform/mmio_ranges.h"

#include <stddef.h>

#include "host/base/panic.h"

#define RANGES_MAX 8

static struct {
    const struct mmio_range *range[RANGES_MAX];
    unsigned count;
} mmio;

void mmio_add(const struct mmio_range *range)
{
    if (mmio.count == RANGES_MAX)
        host_panic("more than %d ranges of emulated registers", RANGES_MAX);
    mmio.range[mmio.count++] = range;
}

const struct mmio_range *mmio_range_find(uint64_t gpa)
{
    for (unsigned i = 0; i < mmio.count; i++)
        if (gpa - mmio.range[i]->start < mmio.range[i]->length)
            return mmio.range[i];
    return NULL;
}
