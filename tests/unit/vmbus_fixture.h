/* SPDX-License-Identifier: MIT */
/* The host's VMBus on the build machine: guest memory, and a guest that speaks to it. */
#ifndef PVT_TESTS_UNIT_VMBUS_FIXTURE_H
#define PVT_TESTS_UNIT_VMBUS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/status.h"

/* Guest RAM is [0, FAKE_RAM_SIZE) with a hole of one page. */
#define FAKE_PAGES    128u
#define FAKE_RAM_SIZE (FAKE_PAGES * 4096u)
#define FAKE_HOLE     100u /* page number */

extern uint8_t fake_ram[FAKE_RAM_SIZE];

/* Page numbers of the guest of these tests. */
#define FAKE_MESSAGES 1u
#define FAKE_EVENTS   2u
#define FAKE_RINGS    10u /* and the following FAKE_RING_PAGES */

#define FAKE_RING_PAGES 6u /* three for each direction */
#define FAKE_DOWNSTREAM 3u

/* Vectors that were sent since the last look, and to which APIC the last one went. */
extern unsigned fake_vectors;
extern uint32_t fake_last_apic;
extern uint8_t fake_last_vector;

/* Clears memory; VP 0 gets pages and an unmasked SINT 2 with vector 0x50. */
void fake_guest_start(void);

enum hv_status fake_post(const void *message, size_t size);
/* Takes the message out of the slot of VP 0, writes EOM. Its type, or 0: none was there. */
uint32_t fake_take_message(void *message, size_t size);
/* Takes and clears an event flag. */
bool fake_take_event(uint32_t flag);

/* INITIATE_CONTACT, REQUEST_OFFERS; true when the version was accepted. All answers are taken. */
bool fake_connect(uint32_t version);
/* GPADL with id `gpadl` over FAKE_RINGS, OPEN_CHANNEL. The status of the result. */
uint32_t fake_open(uint32_t channel, uint32_t gpadl);

/* Writes a packet into the ring to the host, without a signal. */
void fake_ring_put(uint16_t flags, uint64_t transaction, const void *payload, size_t size);
void fake_signal(uint32_t channel);
/* Takes a packet off the ring to the guest: its type, 0 for none. `*size` is what of the payload is
 * there. */
uint16_t fake_ring_take(uint64_t *transaction, void *payload, size_t *size);

#endif
