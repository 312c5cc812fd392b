/* SPDX-License-Identifier: MIT */
/* All buses at once: a connection to VMBus that ends, and another one after it, as when a kernel
 * hands over to the next. */
#ifndef PVT_DRIVERS_VPCI_RESTART_H
#define PVT_DRIVERS_VPCI_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/vpci/vpci.h"

enum vpci_end {
    VPCI_BY_UNLOAD,  /* the connection is taken back, and the host answers */
    VPCI_BY_CONTACT, /* nothing is said: the host learns of it from the next INITIATE_CONTACT */
};

/* Ends the use of all buses. False: UNLOAD was not answered. vpci_connect_again() has to follow. */
bool vpci_disconnect(enum vpci_end how);
/* The host answers INITIATE_CONTACT, and its list of offers is here. False: it does not, or there
 * was no vpci_disconnect(). */
bool vpci_contact_again(void);
/* Neither of the two is to come, or has begun. */
bool vpci_is_connected(void);
/* In the place of the next one: brings back the bus of the function alone, by that version of the
 * vPCI protocol and no other; *relations is the type of the last list of functions.
 * Another vpci_disconnect(), or vpci_connect_again(), has to follow. */
enum vpci_stage vpci_bring_back_as(const struct pci_function *f, uint32_t version,
                                   uint32_t *relations);
/* Between these two calls: puts a request into the ring of each bus of the earlier connection, and
 * signals it as before. False when any page of these rings changes within the next milliseconds;
 * *device_id is that of the bus. */
bool vpci_rings_are_dead(uint64_t *device_id);
/* Each bus that was ready has been offered again, and is brought up with the addresses that it had;
 * memory decoding and bus mastering of its functions are as they were, all other settings are gone.
 * False: *device_id is of the first bus that did not come, now or before. True at once when none is
 * missing. Makes contact where vpci_contact_again() has not. */
bool vpci_connect_again(uint64_t *device_id);
/* A bus that is away, or of a connection that ended, is not waited for any more, and never comes
 * back. Returns how many that are. */
unsigned vpci_give_up(void);
/* Is there a bus that was not given up? */
bool vpci_has_buses(void);
/* The function is on a bus that is ready, or on none of VMBus. */
bool vpci_is_in_reach(const struct pci_function *f);

#endif
