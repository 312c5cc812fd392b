/* SPDX-License-Identifier: MIT */
#include "drivers/vpci/move.h"

#include "drivers/pci_registers.h"
#include "drivers/vpci/bus.h"
#include "lib/bits.h"

static struct vpci_function *function_of(const struct pci_function *f)
{
    struct vpci_bus *bus = f->vpci;

    for (unsigned i = 0; i < bus->functions; i++)
        if (bus->function[i].pci.bdf == f->bdf)
            return &bus->function[i];
    return NULL;
}

static bool is_wide(const struct vpci_function *function)
{
    return (function->bar_mask[0] & PCI_BAR_TYPE_MASK) == PCI_BAR_TYPE_64;
}

uint64_t vpci_low_place(const struct pci_function *f)
{
    struct vpci_function *function = function_of(f);

    if (!is_wide(function) || pci_bar(f, 0) <= UINT32_MAX)
        return 0;
    if (function->low == 0)
        function->low = vpci_space_for_bar(function, false);
    return function->low;
}

uint64_t vpci_place_outside(const struct pci_function *f, bool after)
{
    const struct mmio_windows windows = vpci_place(0).windows;
    const uint64_t here = pci_bar(f, 0);
    const struct mmio_range *range = here > UINT32_MAX ? &windows.high : &windows.low;
    const uint64_t size = ~(function_of(f)->bar_mask[0] & ~0xFu) + 1u;

    if (here < range->base || here - range->base >= range->length)
        return 0;
    return after ? align_up(range->base + range->length, size)
                 : align_down(range->base, size) - size;
}

uint64_t vpci_move_bar(const struct pci_function *f)
{
    struct vpci_function *function = function_of(f);
    uint64_t here = pci_bar(f, 0);
    uint16_t command = pci_read16(f, PCI_COMMAND);

    if (function->other == 0)
        function->other = vpci_space_for_bar(function, is_wide(function));
    if (function->other == 0)
        return 0;
    pci_write16(f, PCI_COMMAND, (uint16_t)(command & ~PCI_COMMAND_MEMORY));
    pci_write32(f, PCI_BAR0, (uint32_t)function->other);
    if (is_wide(function))
        pci_write32(f, PCI_BAR0 + 4, (uint32_t)(function->other >> 32));
    pci_write16(f, PCI_COMMAND, command);
    function->other = here;
    return pci_bar(f, 0);
}

uint64_t vpci_window(const struct pci_function *f)
{
    return ((const struct vpci_bus *)f->vpci)->state.window;
}

uint64_t vpci_move_window(const struct pci_function *f)
{
    const struct vpci_message leave = {VPCI_BUS_D0_EXIT};
    struct vpci_bus *bus = f->vpci;
    uint64_t here = bus->state.window;
    struct vpci_status_reply reply;

    if (bus->other_window == 0)
        bus->other_window = vpci_space_for_window();
    if (bus->other_window == 0)
        return 0;
    for (unsigned i = 0; i < bus->functions; i++)
        bus->function[i].command = pci_read16(&bus->function[i].pci, PCI_COMMAND);
    if (!vpci_request(bus, &leave, sizeof(leave), &reply, sizeof(reply.status)))
        return 0;
    bus->window = NULL;
    bus->state.window = bus->other_window;
    bus->other_window = here;
    if (!vpci_resume(bus))
        return 0;
    for (unsigned i = 0; i < bus->functions; i++)
        pci_write16(&bus->function[i].pci, PCI_COMMAND, bus->function[i].command);
    return bus->state.window;
}
