/* SPDX-License-Identifier: MIT */
/*
 * Configuration space through the window of a bus (reference 5.5). One processor uses it. The
 * header's identity comes from the list of functions, and BARs from what was written: hosts do not
 * promise to show either in the window.
 */
#include "drivers/pci_registers.h"
#include "drivers/vpci/bus.h"
#include "kernel/cpu.h"
#include "lib/bits.h"

#define SUBSYSTEM      0x2Cu
#define ROM            0x30u
#define INTERRUPT_LINE 0x3Cu

static struct vpci_function *function_of(const struct pci_function *f)
{
    struct vpci_bus *bus = f->vpci;

    for (unsigned i = 0; i < bus->functions; i++)
        if (bus->function[i].pci.bdf == f->bdf)
            return &bus->function[i];
    return NULL;
}

/* The aligned word at `offset` of what is not read from the device. */
static bool kept_word(const struct vpci_function *f, unsigned offset, uint32_t *value)
{
    const struct vpci_relation *r = &f->relation;

    switch (offset) {
    case PCI_VENDOR:
        *value = (uint32_t)r->device << 16 | r->vendor;
        return true;
    case PCI_CLASS_REVISION:
        *value = (uint32_t)r->class_code << 24 | (uint32_t)r->subclass << 16 |
                 (uint32_t)r->interface << 8 | r->revision;
        return true;
    case SUBSYSTEM:
        *value = (uint32_t)r->subsystem << 16 | r->subsystem_vendor;
        return true;
    case ROM:
        *value = 0;
        return true;
    default:
        break;
    }
    if (offset >= PCI_BAR0 && offset < PCI_BAR0 + 4 * VPCI_BARS) {
        *value = f->bar[(offset - PCI_BAR0) / 4];
        return true;
    }
    return false;
}

static volatile uint8_t *select(const struct vpci_bus *bus, const struct vpci_function *f,
                                unsigned offset)
{
    *(volatile uint32_t *)bus->window = f->relation.slot;
    cpu_memory_barrier();
    return bus->window + VPCI_WINDOW_CONFIG + offset;
}

uint32_t vpci_config_read(const struct pci_function *pci, unsigned offset, unsigned size)
{
    const struct vpci_function *f = function_of(pci);
    const struct vpci_bus *bus = pci->vpci;
    const volatile uint8_t *at;
    uint32_t value;

    if (!f || !bus->window || offset + size > VPCI_WINDOW_SIZE - VPCI_WINDOW_CONFIG)
        return UINT32_MAX >> (32 - 8 * size);
    if (kept_word(f, offset & ~3u, &value))
        return value >> 8 * (offset & 3u) & (UINT32_MAX >> (32 - 8 * size));
    at = select(bus, f, offset);
    switch (size) {
    case 1:
        return *at;
    case 2:
        return *(const volatile uint16_t *)at;
    default:
        return *(const volatile uint32_t *)at;
    }
}

static void keep_bar(struct vpci_function *f, unsigned index, uint32_t value)
{
    const bool upper = index > 0 && (f->bar_mask[index - 1] & PCI_BAR_TYPE_MASK) == PCI_BAR_TYPE_64;
    const uint32_t type = upper ? 0 : f->bar_mask[index] & 0xFu;

    f->bar[index] = (value & f->bar_mask[index] & ~(upper ? 0u : 0xFu)) | type;
}

void vpci_config_write(const struct pci_function *pci, unsigned offset, unsigned size,
                       uint32_t value)
{
    struct vpci_function *f = function_of(pci);
    const struct vpci_bus *bus = pci->vpci;
    volatile uint8_t *at;

    if (!f || !bus->window || offset + size > VPCI_WINDOW_SIZE - VPCI_WINDOW_CONFIG)
        return;
    if (size == 4 && offset >= PCI_BAR0 && offset < PCI_BAR0 + 4 * VPCI_BARS)
        keep_bar(f, (offset - PCI_BAR0) / 4, value);
    at = select(bus, f, offset);
    switch (size) {
    case 1:
        *at = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)at = (uint16_t)value;
        break;
    default:
        *(volatile uint32_t *)at = value;
        break;
    }
    cpu_memory_barrier();
}
