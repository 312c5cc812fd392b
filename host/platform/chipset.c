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
#define PM_CONTROL    0x04u /* PM1_CNT (13.8.3.3), 2 bytes */

#define SLEEP_ENABLE     (1u << 13)
#define SLEEP_TYPE(word) ((word) >> 10 & 7u)
/* Sleep types of QEMU's ICH9 by which the machine ends. */
#define SLEEP_SOFT_OFF  0u
#define SLEEP_HIBERNATE 2u

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

/* 0: the chipset is another one. */
static uint16_t power_management(void)
{
    if (pci_config_read32(pci_bdf(0, ISA_DEVICE, 0), PCI_VENDOR_ID) != ICH9_LPC ||
        acpi_pm_timer_port() < PM_TIMER)
        return 0;
    return (uint16_t)(acpi_pm_timer_port() - PM_TIMER);
}

static uint16_t power_management_port(uint16_t offset)
{
    const uint16_t block = power_management();

    return block != 0 ? (uint16_t)(block + offset) : 0;
}

uint16_t chipset_smi_enable_port(void)
{
    return power_management_port(PM_SMI_ENABLE);
}

uint16_t chipset_power_control_port(void)
{
    return power_management_port(PM_CONTROL);
}

bool chipset_sleep_keeps_memory(uint32_t control)
{
    const uint32_t type = SLEEP_TYPE(control);

    return (control & SLEEP_ENABLE) != 0 && type != SLEEP_SOFT_OFF && type != SLEEP_HIBERNATE;
}
