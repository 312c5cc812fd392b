/* SPDX-License-Identifier: MIT */
/*
 * Synthetic interrupt controller: MSRs of each VP, messages and event flags for SINT 2, the one
 * that VMBus uses. Present when VPs were added. All calls: with the host's lock held.
 */
#ifndef PVT_HOST_VMBUS_SYNIC_H
#define PVT_HOST_VMBUS_SYNIC_H

#include <stdbool.h>
#include <stdint.h>

#define SYNIC_QUEUE_LENGTH 64u

/* Sends a vector (16 or above) to a local APIC (host/vdev/msi.h). Before VPs are added. */
typedef bool synic_vector_sender(uint32_t apic_id, uint8_t vector);
void synic_init(synic_vector_sender *send_vector);
/* The next VP, from 0 on; at most HOST_CPUS_MAX. Before launch. */
void synic_add_vp(uint32_t apic_id);
unsigned synic_vps(void);
uint32_t synic_apic_id(uint32_t vp);

/* False: #GP. */
bool synic_msr_read(uint32_t vp, uint32_t msr, uint64_t *value);
bool synic_msr_write(uint32_t vp, uint32_t msr, uint64_t value);

/* How many messages can be queued. */
unsigned synic_room(void);
/* At most HV_MESSAGE_PAYLOAD_MAX bytes; there is room. Delivered when the slot of the VP is free.
 */
void synic_send(uint32_t vp, const void *payload, unsigned size);
/* Forgets what was not delivered. */
void synic_drop_messages(void);

/* Sets an event flag. Flags of a VP without a page of event flags, and of no VP, are lost. */
void synic_signal(uint32_t vp, uint32_t flag);
/* Sends a vector to a VP, as an interrupt of a device does. */
void synic_send_vector(uint32_t vp, uint8_t vector);

#endif
