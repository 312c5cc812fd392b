/* SPDX-License-Identifier: MIT */
#ifndef PVT_ABI_DEVICE_ID_H
#define PVT_ABI_DEVICE_ID_H

#include <stdint.h>

/* Device ids (Reference 4): the type in bits 63:62, which are zero for the logical ids that the
 * pvIOMMU uses. */
#define HV_DEVICE_ID_TYPE_SHIFT   62
#define HV_DEVICE_ID_TYPE_MASK    UINT64_C(0xC000000000000000)
#define HV_DEVICE_ID_LOGICAL_MASK UINT64_C(0x3FFFFFFFFFFFFFFF)

enum hv_device_id_type {
    HV_DEVICE_ID_LOGICAL = 0,
    HV_DEVICE_ID_PCI = 1,
    HV_DEVICE_ID_IOAPIC = 2,
    HV_DEVICE_ID_ACPI = 3,
};

static inline enum hv_device_id_type hv_device_id_type(uint64_t device_id)
{
    return (enum hv_device_id_type)(device_id >> HV_DEVICE_ID_TYPE_SHIFT);
}

static inline uint64_t hv_device_id_logical(uint64_t device_id)
{
    return device_id & HV_DEVICE_ID_LOGICAL_MASK;
}

static inline uint64_t hv_device_id(enum hv_device_id_type type, uint64_t id)
{
    return ((uint64_t)type << HV_DEVICE_ID_TYPE_SHIFT) | (id & HV_DEVICE_ID_LOGICAL_MASK);
}

#define HV_PCI_FUNCTION_MASK 0x07u

/*
 * Logical id of a function on a VMBus vPCI bus; `guid` is the instance GUID of the bus in memory
 * order.
 *
 * Every byte is widened to an unsigned word before it is shifted: a signed shift of guid[5] >= 0x80
 * would be sign-extended into the upper half of the id (the first version of the Linux driver did
 * that).
 */
static inline uint64_t hv_vpci_logical_device_id(const uint8_t *guid, uint32_t function)
{
    uint32_t prefix = ((uint32_t)guid[5] << 24) | ((uint32_t)guid[4] << 16) |
                      ((uint32_t)guid[7] << 8) |
                      ((uint32_t)guid[6] & ~(uint32_t)HV_PCI_FUNCTION_MASK);

    return (uint64_t)(prefix | (function & HV_PCI_FUNCTION_MASK));
}

/* Logical id of a directly attached PCI function; `bdf` is its requester id (bus 15:8, device 7:3,
 * function 2:0). */
static inline uint64_t hv_pci_logical_device_id(uint16_t segment, uint16_t bdf)
{
    return ((uint64_t)segment << 16) | bdf;
}

#endif
