/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_VDEV_MSI_H
#define PVT_HOST_VDEV_MSI_H

#include <stdbool.h>
#include <stdint.h>

#define MESSAGE_WINDOW 0xFEEu /* address bits 63:20: 0xFEE00000 to 0xFEEFFFFF */

/* Sends an interrupt message as a device on the bus would (Intel SDM volume 3, 11.11). Only fixed
 * and lowest-priority delivery to physical or logical destinations: false, and nothing is sent, for
 * any other message. */
bool msi_send(uint64_t address, uint32_t data);
/* Sends `vector` (16 or above) to the local APIC with this id, whatever the message window is. */
bool msi_send_vector(uint32_t apic_id, uint8_t vector);

#endif
