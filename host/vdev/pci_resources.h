/* SPDX-License-Identifier: MIT */
/* Free addresses, devices and buses of this machine for emulated functions. */
#ifndef PVT_HOST_VDEV_PCI_RESOURCES_H
#define PVT_HOST_VDEV_PCI_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

/* First of `count` neighboring devices of bus 0 that do not exist, from device `from` on; 0 when
 * there are none. */
unsigned pci_find_free_devices(unsigned from, unsigned count);
/* First of `count` bus numbers above all that the firmware gave out, and at least 0x40; 0 when
 * there are none. */
unsigned pci_find_free_buses(unsigned count);
/* `length` bytes of address space (a power of two, aligned to itself) that no memory, register
 * block or bridge window occupies, and that the processor can address; 0 when there are none. */
uint64_t pci_find_free_range(uint64_t length);
/* The same below 4 GiB. */
uint64_t pci_find_free_low_range(uint64_t length);

#endif
