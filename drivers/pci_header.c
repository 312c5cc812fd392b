/* SPDX-License-Identifier: MIT */
/* The header of a function: base addresses, capabilities, the command register. */
#include "drivers/pci.h"
#include "drivers/pci_registers.h"

/* A list that firmware or a device has tied into a loop must not hold us: there is room for 48
 * entries. */
#define CAPABILITIES_MAX 48

static unsigned bar_count(const struct pci_function *f)
{
    return (f->header_type & PCI_HEADER_LAYOUT_MASK) == PCI_HEADER_LAYOUT_BRIDGE ? 2 : 6;
}

uint64_t pci_bar(const struct pci_function *f, unsigned index)
{
    unsigned offset = PCI_BAR0 + 4 * index;
    uint32_t low;
    uint64_t high = 0;

    if (f->bar0 != 0)
        return index == 0 ? f->bar0 : 0;
    if (index >= bar_count(f))
        return 0;
    low = pci_read32(f, offset);
    if ((low & PCI_BAR_IO) != 0)
        return 0;
    if ((low & PCI_BAR_TYPE_MASK) == PCI_BAR_TYPE_64) {
        if (index + 1 >= bar_count(f))
            return 0;
        high = pci_read32(f, offset + 4);
    }
    return high << 32 | (low & PCI_BAR_ADDRESS_MASK);
}

unsigned pci_capability(const struct pci_function *f, uint8_t id)
{
    unsigned offset;

    if ((pci_read16(f, PCI_STATUS) & PCI_STATUS_CAPABILITIES) == 0)
        return 0;
    offset = pci_read8(f, PCI_CAPABILITIES) & 0xFCu;
    for (unsigned i = 0; i < CAPABILITIES_MAX && offset >= 0x40; i++) {
        uint16_t entry = pci_read16(f, offset); /* id 7:0, next 15:8 */

        if ((entry & 0xFFu) == id)
            return offset;
        offset = (entry >> 8) & 0xFCu;
    }
    return 0;
}

unsigned pci_extended_capability(const struct pci_function *f, uint16_t id)
{
    unsigned offset = PCI_EXTENDED_CAPABILITIES;

    for (unsigned i = 0; i < CAPABILITIES_MAX && offset >= PCI_EXTENDED_CAPABILITIES; i++) {
        uint32_t entry = pci_read32(f, offset); /* id 15:0, version 19:16, next 31:20 */

        if (entry == 0 || entry == UINT32_MAX)
            return 0;
        if ((entry & 0xFFFFu) == id)
            return offset;
        offset = entry >> 20 & 0xFFCu;
    }
    return 0;
}

/* A write to the register makes an emulator rebuild its memory map, which takes a millisecond. */
static void set_command(const struct pci_function *f, uint16_t bits, bool on)
{
    uint16_t old = pci_read16(f, PCI_COMMAND);
    uint16_t wanted = on ? old | bits : old & (uint16_t)~bits;

    if (wanted != old)
        pci_write16(f, PCI_COMMAND, wanted);
}

void pci_enable(const struct pci_function *f, bool on)
{
    set_command(f, PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER, on);
}

void pci_bus_master(const struct pci_function *f, bool on)
{
    set_command(f, PCI_COMMAND_BUS_MASTER, on);
}

bool pci_is_bridge(const struct pci_function *f)
{
    return f->class_code >> PCI_CLASS_SHIFT == PCI_CLASS_BRIDGE;
}
