/* SPDX-License-Identifier: MIT */
/* Configuration windows of vPCI buses that show or change what is not selected in them. */
#include "abi/hypercall.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vmbus/channels.h"
#include "host/vpci/bus.h"

static call_handler *right_post;
static struct mmio_range right; /* its functions; they serve both ranges */

static struct vpci_bus *bus_at(unsigned index)
{
    const struct vmbus_channel *channel = channel_at(index);

    return channel->service == &vpci_service ? channel->owner : NULL;
}

/* Selects a function where none is, for one access; returns the slot that was selected. */
static uint32_t fill_empty_slot(struct vpci_bus *bus, uint64_t gpa, bool wrong)
{
    uint32_t selected = bus->selected;

    if (defect_active(DEFECT_WINDOW_DEVICE_IGNORED))
        bus->selected = selected & ~VPCI_SLOT_DEVICE_MASK;
    if (defect_active(DEFECT_WINDOW_SLOT_CUT))
        bus->selected = selected & (VPCI_SLOT_DEVICE_MASK | VPCI_SLOT_FUNCTION_MASK);
    if (wrong && gpa - bus->window >= VPCI_WINDOW_CONFIG && !vpci_bus_function(bus, selected))
        bus->selected = vpci_function_slot(&bus->function[0]);
    return selected;
}

static uint64_t read(uint64_t gpa, unsigned size)
{
    struct vpci_bus *bus = vpci_bus_of_window(gpa);
    uint32_t selected;
    uint64_t value;

    if (!bus)
        return right.read(gpa, size);
    selected = fill_empty_slot(bus, gpa, defect_active(DEFECT_WINDOW_SHOWS_ANOTHER));
    value = right.read(gpa, size);
    bus->selected = selected;
    return value;
}

static void select(uint32_t slot)
{
    for (unsigned i = 0; i < channels_count(); i++)
        if (bus_at(i))
            bus_at(i)->selected = slot;
}

static void write(uint64_t gpa, unsigned size, uint64_t value)
{
    struct vpci_bus *bus = vpci_bus_of_window(gpa);
    uint32_t selected;

    if (!bus || gpa - bus->window < VPCI_WINDOW_CONFIG) {
        right.write(gpa, size, value);
        if (bus && gpa == bus->window && defect_active(DEFECT_WINDOW_SELECTION_SHARED))
            select(bus->selected);
        return;
    }
    selected = fill_empty_slot(bus, gpa, defect_active(DEFECT_WINDOW_WRITES_ANOTHER));
    if (defect_active(DEFECT_WINDOW_DEVICE_WRITTEN))
        bus->selected = selected & ~VPCI_SLOT_DEVICE_MASK;
    right.write(gpa, size, value);
    bus->selected = selected;
}

static void replace(const struct mmio_range *range)
{
    struct mmio_range *writable = (void *)(uintptr_t)range;

    if (range->length == 0 || range->read == read)
        return;
    right = *range;
    writable->read = read;
    writable->write = write;
}

/* The first message of a guest comes before its first access to a window. */
static enum hv_status post(struct call_context *context)
{
    replace(&vpci_ranges()->low);
    replace(&vpci_ranges()->high);
    return right_post(context);
}

void defects_install_bus_windows(void)
{
    if (ANY(DEFECT_WINDOW_SHOWS_ANOTHER, DEFECT_WINDOW_WRITES_ANOTHER,
            DEFECT_WINDOW_SELECTION_SHARED, DEFECT_WINDOW_DEVICE_IGNORED, DEFECT_WINDOW_SLOT_CUT,
            DEFECT_WINDOW_DEVICE_WRITTEN))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
}
