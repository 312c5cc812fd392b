/* SPDX-License-Identifier: MIT */
/* Configuration space accesses: the window of a vPCI bus, ECAM where firmware describes it, ports
 * CF8/CFC otherwise. */
#include "drivers/pci.h"
#include "drivers/pci_ecam.h"
#include "drivers/vpci/vpci.h"
#include "kernel/cpu.h"

#define PORT_ADDRESS   0xCF8
#define PORT_DATA      0xCFC
#define ADDRESS_ENABLE (1u << 31)
#define PORT_SPACE     256u /* the ports reach the first 256 bytes only */

/* The data port is four bytes wide, so a narrow access addresses its byte within it. */
static uint16_t select_register(const struct pci_function *f, unsigned offset)
{
    cpu_out32(PORT_ADDRESS, ADDRESS_ENABLE | (uint32_t)f->bdf << 8 | (offset & 0xFCu));
    return (uint16_t)(PORT_DATA + (offset & 3u));
}

static bool ports_reach(const struct pci_function *f, unsigned offset)
{
    return f->segment == 0 && offset < PORT_SPACE;
}

uint32_t pci_read32(const struct pci_function *f, unsigned offset)
{
    const volatile uint32_t *ecam = pci_ecam_register(f->segment, f->bdf, offset);

    if (f->vpci)
        return vpci_config_read(f, offset, 4);
    if (ecam)
        return *ecam;
    return ports_reach(f, offset) ? cpu_in32(select_register(f, offset)) : UINT32_MAX;
}

uint16_t pci_read16(const struct pci_function *f, unsigned offset)
{
    const volatile uint16_t *ecam = pci_ecam_register(f->segment, f->bdf, offset);

    if (f->vpci)
        return (uint16_t)vpci_config_read(f, offset, 2);
    if (ecam)
        return *ecam;
    return ports_reach(f, offset) ? cpu_in16(select_register(f, offset)) : UINT16_MAX;
}

uint8_t pci_read8(const struct pci_function *f, unsigned offset)
{
    const volatile uint8_t *ecam = pci_ecam_register(f->segment, f->bdf, offset);

    if (f->vpci)
        return (uint8_t)vpci_config_read(f, offset, 1);
    if (ecam)
        return *ecam;
    return ports_reach(f, offset) ? cpu_in8(select_register(f, offset)) : UINT8_MAX;
}

void pci_write32(const struct pci_function *f, unsigned offset, uint32_t value)
{
    volatile uint32_t *ecam = pci_ecam_register(f->segment, f->bdf, offset);

    if (f->vpci)
        vpci_config_write(f, offset, 4, value);
    else if (ecam)
        *ecam = value;
    else if (ports_reach(f, offset))
        cpu_out32(select_register(f, offset), value);
}

void pci_write16(const struct pci_function *f, unsigned offset, uint16_t value)
{
    volatile uint16_t *ecam = pci_ecam_register(f->segment, f->bdf, offset);

    if (f->vpci)
        vpci_config_write(f, offset, 2, value);
    else if (ecam)
        *ecam = value;
    else if (ports_reach(f, offset))
        cpu_out16(select_register(f, offset), value);
}

bool pci_read32_by(enum pci_access access, const struct pci_function *f, unsigned offset,
                   uint32_t *value)
{
    const volatile uint32_t *ecam = pci_ecam_register(f->segment, f->bdf, offset);

    switch (access) {
    case PCI_ACCESS_ECAM:
        if (!ecam)
            return false;
        *value = *ecam;
        return true;
    case PCI_ACCESS_PORTS:
        if (!ports_reach(f, offset))
            return false;
        *value = cpu_in32(select_register(f, offset));
        return true;
    }
    return false;
}
