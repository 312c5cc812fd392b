/* SPDX-License-Identifier: MIT */
#include "host/platform/chipset.h"

#include "host/platform/acpi.h"
#include "host/platform/machine_rules.h"
#include "host/platform/pci_config.h"
#include "host/platform/pci_functions.h"

#define ISA_DEVICE 0x1Fu
#define ICH9_LPC   0x29188086u

#define HEADER_END 0x40u
/* Routing of the pins of conventional interrupts (ICH9, 13.1.10 and 13.1.11): an operating system
 * chooses them. */
#define ROUTE_FIRST  0x60u
#define ROUTE_SECOND 0x68u
#define ROUTE_BYTES  4u

/* Offsets in the block of power management (ICH9, 13.8.3). */
#define PM_TIMER      0x08u
#define PM_SMI_ENABLE 0x30u

static enum pci_chipset kind_of(uint16_t bdf)
{
    unsigned count;
    const struct pci_function *function = pci_functions(&count);

    for (unsigned i = 0; i < count; i++)
        if (function[i].bdf == bdf)
            return function[i].chipset;
    return PCI_CHIPSET_NONE;
}

bool chipset_is_guarded(uint16_t bdf)
{
    return kind_of(bdf) != PCI_CHIPSET_NONE;
}

static bool within(unsigned offset, unsigned size, unsigned first)
{
    return offset >= first && offset + size <= first + ROUTE_BYTES;
}

bool chipset_write_allowed(uint16_t bdf, unsigned offset, unsigned size)
{
    enum pci_chipset kind = kind_of(bdf);

    if (kind == PCI_CHIPSET_NONE || machine_rules.chipset_writes || offset + size <= HEADER_END)
        return true;
    return kind == PCI_CHIPSET_ISA &&
           (within(offset, size, ROUTE_FIRST) || within(offset, size, ROUTE_SECOND));
}

uint16_t chipset_smi_enable_port(void)
{
    if (pci_config_read32(pci_bdf(0, ISA_DEVICE, 0), PCI_VENDOR_ID) != ICH9_LPC ||
        acpi_pm_timer_port() < PM_TIMER)
        return 0;
    return (uint16_t)(acpi_pm_timer_port() - PM_TIMER + PM_SMI_ENABLE);
}
