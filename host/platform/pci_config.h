/* SPDX-License-Identifier: MIT */
/* PCI configuration space by ports 0xCF8/0xCFC (PCI Local Bus 3.0, 3.2.2.3.2); before launch only,
 * the guest uses them later. */
#ifndef PVT_HOST_PLATFORM_PCI_CONFIG_H
#define PVT_HOST_PLATFORM_PCI_CONFIG_H

#include <stdint.h>

/* Requester id: bus 15:8, device 7:3, function 2:0. */
static inline uint16_t pci_bdf(unsigned bus, unsigned device, unsigned function)
{
    return (uint16_t)(bus << 8 | device << 3 | function);
}

/* Aligned 32-bit read; `offset` below 256. All ones when there is no such function. */
uint32_t pci_config_read32(uint16_t bdf, unsigned offset);
uint8_t pci_config_read8(uint16_t bdf, unsigned offset);
uint16_t pci_config_read16(uint16_t bdf, unsigned offset);
/* Offset of a capability of the function; 0: it has none of this kind. */
unsigned pci_find_capability(uint16_t bdf, uint8_t id);

#define PCI_VENDOR_ID       0x00u
#define PCI_STATUS          0x06u
#define PCI_SUBCLASS        0x0Au
#define PCI_CLASS           0x0Bu
#define PCI_HEADER_TYPE     0x0Eu
#define PCI_SECONDARY_BUS   0x19u
#define PCI_CAPABILITY_LIST 0x34u

#define PCI_VENDOR_NONE                0xFFFFu
#define PCI_VENDOR_VIRTIO              0x1AF4u
#define PCI_STATUS_CAPABILITIES        (1u << 4)
#define PCI_HEADER_TYPE_MASK           0x7Fu
#define PCI_HEADER_TYPE_BRIDGE         1u
#define PCI_HEADER_TYPE_MULTI_FUNCTION 0x80u

#define PCI_CLASS_STORAGE 0x01u
#define PCI_SUBCLASS_NVME 0x08u /* of storage */
#define PCI_CLASS_DISPLAY 0x03u
#define PCI_CLASS_BRIDGE  0x06u
#define PCI_SUBCLASS_HOST 0x00u /* of bridge */
#define PCI_SUBCLASS_ISA  0x01u

#define PCI_CAPABILITY_POWER      0x01u
#define PCI_CAPABILITY_MSI        0x05u
#define PCI_CAPABILITY_EXPRESS    0x10u
#define PCI_CAPABILITY_MSIX       0x11u
#define PCI_CAPABILITY_ADVANCED   0x13u
#define PCI_EXPRESS_TYPE_SHIFT    4
#define PCI_EXPRESS_TYPE_MASK     0xFu
#define PCI_EXPRESS_TO_PCI_BRIDGE 7u

#endif
