/* SPDX-License-Identifier: MIT */
/* Buses that go and come, on a host that does so on request (abi/bus_control.h). */
#ifndef PVT_DRIVERS_VPCI_REMOVAL_H
#define PVT_DRIVERS_VPCI_REMOVAL_H

#include <stdbool.h>

#include "drivers/pci.h"

enum vpci_removal {
    VPCI_BY_RESCIND, /* at once */
    VPCI_BY_EJECT,   /* the host asks, and the guest agrees */
};

/* Steps of a driver before its bus goes. */
enum vpci_release {
    VPCI_POWER_DOWN, /* D0 exit */
    VPCI_SLEEP,      /* the same, after power state D3, which a host may refuse */
    VPCI_RELEASE,    /* gives the resources of all functions back */
    VPCI_CLOSE,      /* closes the channel */
};

/* Whether the host can take away the bus of this function. */
bool vpci_removable(const struct pci_function *f);
/* Has the host take the bus of the function away, with all its functions, and gives the channel
 * back. False: the host refused, or a message did not come. */
bool vpci_remove(const struct pci_function *f, enum vpci_removal how);
/* The slot word that the host named when it was last asked to eject a function of the bus;
 * VPCI_NOT_EJECTED: no EJECT came. A VPCI_BY_EJECT of another slot word than the function's fails.
 */
#define VPCI_NOT_EJECTED UINT32_MAX
uint32_t vpci_ejected_slot(const struct pci_function *f);
/* Lets go of the bus of the function, which the host still offers: vpci_remove() by rescind, and
 * vpci_restore() after it, are all that it can be used for. */
bool vpci_let_go(const struct pci_function *f, enum vpci_release how);
/* Switches off one function, and leaves the others of its bus as they are. The bus comes back as a
 * whole by vpci_connect_again(), as after vpci_let_go() without a vpci_remove(). */
enum vpci_off {
    VPCI_OFF_BY_POWER,   /* power state D3; false: refused */
    VPCI_OFF_BY_RELEASE, /* gives its resources back */
};
bool vpci_switch_off(const struct pci_function *f, enum vpci_off how);
/* Has the host offer the bus again, and brings it up with the addresses that it had. True at once
 * for a bus that is there. Memory decoding and bus mastering are on, all other settings of its
 * functions are gone. */
bool vpci_restore(const struct pci_function *f);

#endif
