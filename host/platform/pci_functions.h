/* SPDX-License-Identifier: MIT */
/* The functions on the PCI bus, as the firmware set it up. */
#ifndef PVT_HOST_PLATFORM_PCI_FUNCTIONS_H
#define PVT_HOST_PLATFORM_PCI_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_FUNCTIONS_MAX 512u

enum pci_chipset { PCI_CHIPSET_NONE, PCI_CHIPSET_HOST, PCI_CHIPSET_ISA };

struct pci_function {
    uint64_t device_id; /* logical: (segment << 16) | bdf */
    uint16_t bdf;
    uint16_t
        requester; /* what its DMA is tagged with; differs from bdf behind a conventional bridge */
    bool managed;  /* the guest may control its translation */
    bool emulated; /* exists in the host only (host/vdev) */
    enum pci_chipset chipset;
};

/* Walks the hierarchy below bus 0 once, before launch; returns the array that pci_functions()
 * returns later. */
const struct pci_function *pci_enumerate(unsigned *count);
const struct pci_function *pci_functions(unsigned *count);
/* Adds a function that the host emulates; before launch. */
void pci_function_add(const struct pci_function *function);
/* NULL when no function has this id. */
const struct pci_function *pci_function_find(uint64_t device_id);

#endif
