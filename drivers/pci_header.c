/* SPDX-License-Identifier: MIT */
/* What a function's header tells: base addresses, capabilities, the command register. */
#include "drivers/pci.h"
#include "drivers/pci_registers.h"

/* A list that firmware or a device has tied into a loop must not hold us: there is room for 48 entries. */
#define CAPABILITIES_MAX 48

static unsigned bar_count(const struct pci_function *f)
{
    return (f->header_type & PCI_HEADER_LAYOUT_MASK) == PCI_HEADER_LAYOUT_BRIDGE ? 2 : 6;
}

/* Writes all ones, reads which bits stuck, and puts the old value back. */
static uint32_t writable_bits(const struct pci_function *f, unsigned offset)
{
    uint32_t old = pci_read32(f, offset);
    uint32_t bits;

    pci_write32(f, offset, UINT32_MAX);
    bits = pci_read32(f, offset);
    pci_write32(f, offset, old);
    return bits;
}

uint64_t pci_bar(const struct pci_function *f, unsigned index, uint64_t *length)
{
    unsigned offset = PCI_BAR0 + 4 * index;
    uint16_t command;
    uint32_t low;
    uint64_t address, mask;
    bool wide;

    if (index >= bar_count(f)) {
        return 0;
    }
    low = pci_read32(f, offset);
    wide = (low & PCI_BAR_TYPE_MASK) == PCI_BAR_TYPE_64;
    if ((low & PCI_BAR_IO) != 0 || (wide && index + 1 >= bar_count(f))) {
        return 0;
    }
    address = low & PCI_BAR_ADDRESS_MASK;
    if (wide) {
        address |= (uint64_t)pci_read32(f, offset + 4) << 32;
    }
    if (address == 0 || length == NULL) {
        return address;
    }

    command = pci_read16(f, PCI_COMMAND);
    pci_write16(f, PCI_COMMAND, command & (uint16_t) ~(PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER));
    mask = 0xFFFFFFFF00000000ull | (writable_bits(f, offset) & PCI_BAR_ADDRESS_MASK);
    if (wide) {
        mask = (mask & UINT32_MAX) | (uint64_t)writable_bits(f, offset + 4) << 32;
    }
    pci_write16(f, PCI_COMMAND, command);
    *length = ~mask + 1;
    return address;
}

unsigned pci_capability(const struct pci_function *f, uint8_t id)
{
    unsigned offset;

    if ((pci_read16(f, PCI_STATUS) & PCI_STATUS_CAPABILITIES) == 0) {
        return 0;
    }
    offset = pci_read8(f, PCI_CAPABILITIES) & 0xFCu;
    for (unsigned i = 0; i < CAPABILITIES_MAX && offset >= 0x40; i++) {
        uint16_t entry = pci_read16(f, offset); /* id 7:0, next 15:8 */

        if ((entry & 0xFFu) == id) {
            return offset;
        }
        offset = (entry >> 8) & 0xFCu;
    }
    return 0;
}

unsigned pci_extended_capability(const struct pci_function *f, uint16_t id)
{
    unsigned offset = PCI_EXTENDED_CAPABILITIES;

    for (unsigned i = 0; i < CAPABILITIES_MAX && offset >= PCI_EXTENDED_CAPABILITIES; i++) {
        uint32_t entry = pci_read32(f, offset); /* id 15:0, version 19:16, next 31:20 */

        if (entry == 0 || entry == UINT32_MAX) {
            return 0;
        }
        if ((entry & 0xFFFFu) == id) {
            return offset;
        }
        offset = entry >> 20 & 0xFFCu;
    }
    return 0;
}

static void set_command(const struct pci_function *f, uint16_t bits, bool on)
{
    uint16_t old = pci_read16(f, PCI_COMMAND);

    pci_write16(f, PCI_COMMAND, on ? old | bits : old & (uint16_t)~bits);
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
