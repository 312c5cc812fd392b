/* SPDX-License-Identifier: MIT */
/*
 * Registers by which the driver of a function resets it or puts it to sleep. A function that a host
 * passes through would lose what the host has written there: its BARs and messages.
 */
#ifndef PVT_HOST_PLATFORM_PCI_RESETS_H
#define PVT_HOST_PLATFORM_PCI_RESETS_H

#include <stdbool.h>
#include <stdint.h>

/* Of a driver that is not to do it: it sees the bits `shown` of the word, and what it writes to the
 * bits `writable` changes nothing. */
struct pci_reset_word {
    unsigned next; /* 0 before the first call */
    unsigned at;   /* offset in the configuration space */
    uint32_t shown, writable;
};
/* False: the function has no other word of that kind. */
bool pci_next_reset(uint16_t bdf, struct pci_reset_word *word);

#endif
