/* SPDX-License-Identifier: MIT */
/* Registers are trapped; device memory (requests, scatter lists, buffer) is mapped, so that it
 * costs no exit. */
#include "host/vdev/bar_decode.h"

#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/iommu/soft_backend.h"
#include "host/platform/mmio_ranges.h"
#include "host/vdev/dmaprobe.h"
#include "lib/bits.h"

static vdev_map_page *map_page;

#define RANGES_MAX 2u

static struct mmio_range trap;
static struct {
    uint64_t start, length;
} ranges[RANGES_MAX];
static unsigned range_count;

void bar_decode_allow(uint64_t start, uint64_t length)
{
    if (range_count == RANGES_MAX)
        host_panic("more than %u ranges for BARs", RANGES_MAX);
    ranges[range_count].start = start;
    ranges[range_count++].length = length;
}

static bool allowed(uint64_t base, uint64_t size)
{
    for (unsigned i = 0; i < range_count; i++)
        if (base >= ranges[i].start && base - ranges[i].start <= ranges[i].length - size)
            return true;
    return false;
}

static void show(const struct vdev_function *function, bool shown)
{
    for (unsigned i = 0; function->probe && i < DMAPROBE_MEMORIES; i++) {
        const struct dmaprobe_memory *memory = dmaprobe_memory(function->probe, i);

        for (uint32_t at = 0; at < memory->size; at += PAGE_SIZE)
            map_page(function->base + memory->offset + at, shown ? memory->bytes + at : NULL);
    }
}

/* Two BARs at one address are the guest's mistake, but the second one answers when the first goes.
 */
static void show_other(const struct vdev_function *gone)
{
    unsigned count;
    struct vdev_function *function = vdev_functions(&count);

    for (unsigned i = 0; i < count; i++)
        if (&function[i] != gone && function[i].decoding && function[i].base == gone->base)
            show(&function[i], true);
}

void bar_decode_update(struct vdev_function *function)
{
    uint64_t base = config_bar(function->config);
    bool decoding = function->device &&
                    (config_read(function->config, CONFIG_COMMAND, 2) & COMMAND_MEMORY) != 0 &&
                    allowed(base, function->device->bar_size);

    if (decoding == function->decoding && (!decoding || base == function->base))
        return;
    if (function->decoding) {
        show(function, false);
        function->decoding = false;
        show_other(function);
    }
    function->decoding = decoding;
    function->base = base;
    if (decoding)
        show(function, true);
}

static struct vdev_function *function_at(uint64_t gpa)
{
    unsigned count;
    struct vdev_function *function = vdev_functions(&count);

    for (unsigned i = 0; i < count; i++)
        if (function[i].decoding && gpa - function[i].base < function[i].device->bar_size)
            return &function[i];
    return NULL;
}

uint64_t bar_read(uint64_t gpa, unsigned size)
{
    uint64_t value = UINT64_MAX;
    struct vdev_function *function;

    soft_lock();
    function = function_at(gpa);
    if (function)
        value = function->device->read(function->engine, (unsigned)(gpa - function->base), size);
    soft_unlock();
    return value;
}

void bar_write(uint64_t gpa, unsigned size, uint64_t value)
{
    struct vdev_function *function;

    soft_lock();
    function = function_at(gpa);
    if (function)
        function->device->write(function->engine, (unsigned)(gpa - function->base), size, value);
    soft_unlock();
}

void bar_decode_init(uint64_t base)
{
    trap = (struct mmio_range){
        .start = base, .length = BAR_WINDOW_SIZE, .read = bar_read, .write = bar_write};
    guest_protect(base, BAR_WINDOW_SIZE, "registers of the virtual functions");
    mmio_add(&trap);
    bar_decode_allow(base, BAR_WINDOW_SIZE);
}

void vdev_start(vdev_map_page *map)
{
    unsigned count;
    struct vdev_function *function = vdev_functions(&count);

    map_page = map;
    for (unsigned i = 0; i < count; i++)
        bar_decode_update(&function[i]);
}
