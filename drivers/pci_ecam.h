/* SPDX-License-Identifier: MIT */
/* The two ways to configuration space, shared by the files of the PCI driver. */
#ifndef PVT_DRIVERS_PCI_ECAM_H
#define PVT_DRIVERS_PCI_ECAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_ECAM_MAX 8

/* One entry of the ACPI table MCFG (PCI Firmware Specification 3.3, 4.1.2). */
struct pci_ecam {
    uint64_t base; /* GPA of bus 0 of the segment, even when the first bus is not 0 */
    uint16_t segment;
    uint8_t first_bus, last_bus;
};

/* The entries that firmware describes; read from ACPI once. */
const struct pci_ecam *pci_ecams(size_t *count);

/* Address of a register of a function, mapped; or NULL when no entry covers its bus. */
volatile void *pci_ecam_register(uint16_t segment, uint16_t bdf, unsigned offset);

#endif
