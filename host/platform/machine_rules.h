/* SPDX-License-Identifier: MIT */
/* The accesses that a guest may make to registers of the machine by which it could reach the host,
 * as data. Written before launch only. */
#ifndef PVT_HOST_PLATFORM_MACHINE_RULES_H
#define PVT_HOST_PLATFORM_MACHINE_RULES_H

#include <stdbool.h>
#include <stdint.h>

struct machine_rules {
    uint8_t delivery_modes; /* bit for each of the eight modes that an entry of an interrupt
                               controller may have */
    bool timer_messages;    /* HPET timers may write to memory */
    bool chipset_writes;    /* registers of the chipset that map or move memory are the guest's */
    /* A value for the register of sleep states, which may be changed. False: the store is dropped.
     */
    bool (*sleep)(uint32_t *control);
};
extern struct machine_rules machine_rules;

/* Delivery mode in bits 10:8 of an entry of a local APIC or an I/O APIC. */
bool delivery_allowed(uint32_t entry);

#endif
