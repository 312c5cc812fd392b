/* SPDX-License-Identifier: MIT */
/* A stage 2 that remembers which device was at an address, and does not see that it has moved. */
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/iommu/soft_memory.h"
#include "host/vdev/dmaprobe_private.h"
#include "host/vdev/vdev.h"
#include "host/vpci/bus.h"

#define PLACES_MAX   32u
#define PAGE_OF(gpa) ((gpa) & ~(uint64_t)(PAGE_SIZE_4K - 1))

static struct soft_memory right_memory;
static call_handler *right_call[CALL_COUNT];

/* A page of guest-physical addresses, and what was there when DMA to it was refused first. */
static struct {
    uint64_t gpa;
    uint8_t *memory;                /* of a function */
    struct vpci_function *function; /* or its configuration space */
} places[PLACES_MAX];
static unsigned count;

/* A page in place of configuration space, and the last word that was written there: the function is
 * written in the next call, since the software IOMMU is locked during DMA. */
static uint8_t page[PAGE_SIZE_4K] __attribute__((aligned(PAGE_SIZE_4K)));
static struct vpci_function *target, *written;
static unsigned offset;
static uint32_t word;

static uint8_t *memory_at(uint64_t gpa)
{
    unsigned functions;
    struct vdev_function *f = vdev_functions(&functions);

    for (unsigned i = 0; i < functions; i++) {
        uint64_t at = gpa - f[i].base - DMAPROBE_BUFFER;

        if (f[i].probe && f[i].decoding && at < DMAPROBE_BUFFER_SIZE)
            return f[i].probe->memory[MEMORY_BUFFER].bytes + at;
    }
    return NULL;
}

static struct vpci_function *function_at(uint64_t gpa)
{
    struct vpci_bus *bus = vpci_bus_of_window(gpa);

    return bus && gpa == bus->window + VPCI_WINDOW_CONFIG ? &bus->function[0] : NULL;
}

static bool moved(unsigned i)
{
    return places[i].memory ? memory_at(places[i].gpa) != places[i].memory
                            : function_at(places[i].gpa) != places[i].function;
}

static void note(uint64_t gpa)
{
    places[count].gpa = gpa;
    places[count].memory = defect_active(DEFECT_MOVED_REGISTERS_REACHED) ? memory_at(gpa) : NULL;
    places[count].function = defect_active(DEFECT_MOVED_WINDOW_REACHED) ? function_at(gpa) : NULL;
    if (places[count].memory || places[count].function)
        count++;
}

static bool stage2(void *owner, uint64_t gpa, enum oracle_access access, uint64_t *spa,
                   uint64_t *size)
{
    if (right_memory.stage2(owner, gpa, access, spa, size))
        return true;
    for (unsigned i = 0; i < count; i++) {
        if (places[i].gpa != PAGE_OF(gpa))
            continue;
        if (!moved(i))
            return false;
        target = places[i].function;
        *spa =
            (uint64_t)(uintptr_t)(places[i].memory ? places[i].memory : page) + gpa % PAGE_SIZE_4K;
        *size = PAGE_SIZE_4K - gpa % PAGE_SIZE_4K;
        return true;
    }
    if (count < PLACES_MAX)
        note(PAGE_OF(gpa));
    return false;
}

static void write(uint64_t spa, uint32_t value)
{
    uint64_t at = spa - (uint64_t)(uintptr_t)page;

    if (at > PAGE_SIZE_4K - sizeof(value))
        return;
    written = target;
    offset = (unsigned)at;
    word = value;
}

static void copy_to(void *owner, uint64_t spa, const void *from, size_t size)
{
    right_memory.copy_to(owner, spa, from, size);
    if (size >= sizeof(uint32_t))
        write(spa, *(const uint32_t *)from);
}

static void fill(uint64_t spa, uint8_t byte, size_t size)
{
    right_memory.fill(spa, byte, size);
    if (size >= sizeof(uint32_t))
        write(spa, byte * 0x01010101u);
}

static enum hv_status handle(struct call_context *context)
{
    if (written && offset % sizeof(word) == 0)
        written->ops->write(written, offset, sizeof(word), word);
    written = NULL;
    return right_call[context->call - calls](context);
}

void defects_install_moved_devices(void)
{
    if (!ANY(DEFECT_MOVED_REGISTERS_REACHED, DEFECT_MOVED_WINDOW_REACHED))
        return;
    right_memory = soft_memory;
    soft_memory.stage2 = stage2;
    if (defect_active(DEFECT_MOVED_WINDOW_REACHED)) {
        soft_memory.copy_to = copy_to;
        soft_memory.fill = fill;
        calls_in_front(handle, right_call);
    }
}
