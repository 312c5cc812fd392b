/* SPDX-License-Identifier: MIT */
/* Interprocessor interrupts of the host (APM volume 2, 16.5 and 16.12), whatever mode the guest has
 * left the APIC in.
 */
#ifndef PVT_HOST_BASE_LOCAL_APIC_H
#define PVT_HOST_BASE_LOCAL_APIC_H

#include <stdbool.h>
#include <stdint.h>

#define LOCAL_APIC_PAGE   0xFEE00000ull /* xAPIC registers; the guest cannot move them */
#define LOCAL_APIC_WINDOW 0x100000ull   /* stores beyond the first page are messages */

/* Sends the lower half of an interrupt command from the running processor. False: the APIC stays
 * busy. */
bool local_apic_send(uint32_t destination, uint32_t command);

#endif
