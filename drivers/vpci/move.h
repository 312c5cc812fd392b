/* SPDX-License-Identifier: MIT */
/* Registers and configuration windows of vPCI that change their place. There are two places for
 * each: the one of the start, and another one that is chosen at the first move. */
#ifndef PVT_DRIVERS_VPCI_MOVE_H
#define PVT_DRIVERS_VPCI_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/pci.h"

/* Moves BAR 0 to its other place, by configuration writes with memory decoding off. Returns the new
 * address; 0: there is no room for one. */
uint64_t vpci_move_bar(const struct pci_function *f);

/* A place for BAR 0 below 4 GiB, of a BAR of 64 bits that is above; 0: there is none. */
uint64_t vpci_low_place(const struct pci_function *f);

/* For BAR 0, aligned to its size: the last address before, or the first one after, the range of the
 * firmware in which it is; 0: it is in none. */
uint64_t vpci_place_outside(const struct pci_function *f, bool after);

/* GPA of the configuration window of the bus of the function. */
uint64_t vpci_window(const struct pci_function *f);
/* Moves it to its other place: D0 exit and D0 entry, after which all functions of the bus have the
 * addresses that they had, memory decoding and bus mastering as before, and no other settings. 0:
 * the host refused, or there is no room. */
uint64_t vpci_move_window(const struct pci_function *f);

#endif
