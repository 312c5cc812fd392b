/* SPDX-License-Identifier: MIT */
/* Registers of the configuration header that this driver reads or writes (PCI Express Base
 * Specification 5.0, 7.5). */
#ifndef PVT_DRIVERS_PCI_REGISTERS_H
#define PVT_DRIVERS_PCI_REGISTERS_H

#define PCI_VENDOR          0x00
#define PCI_DEVICE          0x02
#define PCI_COMMAND         0x04
#define PCI_STATUS          0x06
#define PCI_CLASS_REVISION  0x08
#define PCI_HEADER_TYPE     0x0E
#define PCI_BAR0            0x10
#define PCI_SECONDARY_BUS   0x19 /* type 1 header; the next byte, too */
#define PCI_SUBORDINATE_BUS 0x1A
#define PCI_CAPABILITIES    0x34

#define PCI_VENDOR_NONE 0xFFFFu

#define PCI_COMMAND_MEMORY     (1u << 1)
#define PCI_COMMAND_BUS_MASTER (1u << 2)

#define PCI_STATUS_CAPABILITIES (1u << 4)

#define PCI_CLASS_SHIFT  16 /* in class_code, which has no revision */
#define PCI_CLASS_BRIDGE 0x06u
#define PCI_CLASS_NVME   0x010802u /* with subclass and interface */

#define PCI_HEADER_MULTIFUNCTION 0x80u
#define PCI_HEADER_LAYOUT_MASK   0x7Fu
#define PCI_HEADER_LAYOUT_DEVICE 0u
#define PCI_HEADER_LAYOUT_BRIDGE 1u

#define PCI_BAR_IO           (1u << 0)
#define PCI_BAR_TYPE_MASK    (3u << 1)
#define PCI_BAR_TYPE_64      (2u << 1)
#define PCI_BAR_ADDRESS_MASK 0xFFFFFFF0u

#define PCI_EXTENDED_CAPABILITIES 0x100

#define PCI_CAPABILITY_MSI      0x05u
#define PCI_CAPABILITY_EXPRESS  0x10u
#define PCI_CAPABILITY_MSIX     0x11u
#define PCI_EXPRESS_FLAGS       0x02 /* from the start of the capability */
#define PCI_EXPRESS_TYPE(flags) (((flags) >> 4) & 0xFu)
#define PCI_EXPRESS_ROOT_PORT   4u
#define PCI_EXPRESS_DOWNSTREAM  6u

/* PCI Express Base Specification 5.0, 9.3.3. */
#define PCI_EXTENDED_SRIOV 0x0010u
#define PCI_SRIOV_CONTROL  0x08
#define PCI_SRIOV_ENABLE   (1u << 0)
#define PCI_SRIOV_MEMORY   (1u << 3)
#define PCI_SRIOV_TOTAL    0x0E
#define PCI_SRIOV_COUNT    0x10
#define PCI_SRIOV_OFFSET   0x14
#define PCI_SRIOV_STRIDE   0x16
#define PCI_SRIOV_DEVICE   0x1A
#define PCI_SRIOV_BAR0     0x24

#define PCI_DEVICES_PER_BUS      32u
#define PCI_FUNCTIONS_PER_DEVICE 8u

#endif
