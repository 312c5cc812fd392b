/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_VDEV_MSI_H
#define PVT_HOST_VDEV_MSI_H

#include <stdbool.h>
#include <stdint.h>

#define MESSAGE_WINDOW      0xFEEu /* address bits 63:20: 0xFEE00000 to 0xFEEFFFFF */
#define MESSAGE_ADDRESS     0xFEE00000u
#define MESSAGE_TO(apic_id) (MESSAGE_ADDRESS | (apic_id) << 12) /* in physical mode */

/* An entry of an MSI-X table (PCI Local Bus 3.0, 6.8.2.6). */
struct msix_entry {
    uint64_t address;
    uint32_t data, control;
};
#define MSIX_ENTRY_MASKED 1u

struct vdev_function;

/* Sends an interrupt message of the function (vdev_rules.send_message). */
bool msi_send(const struct vdev_function *function, uint64_t address, uint32_t data);
/* The same by the function's own way; a function that has none sends it as a device on the bus
 * would (Intel SDM volume 3, 11.11). Only fixed and lowest-priority delivery to physical or logical
 * destinations: false, and nothing is sent, for any other message. */
bool msi_deliver(const struct vdev_function *function, uint64_t address, uint32_t data);
/* Sends `vector` (16 or above) to the local APIC with this id, whatever the message window is. */
bool msi_send_vector(uint32_t apic_id, uint8_t vector);

#endif
