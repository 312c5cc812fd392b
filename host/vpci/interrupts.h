/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of functions on vPCI buses. The guest gets opaque messages, numbered by the host, and
 * the host knows where each of them leads.
 */
#ifndef PVT_HOST_VPCI_INTERRUPTS_H
#define PVT_HOST_VPCI_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/vpci/function.h"

/* `count` messages for neighboring vectors, whose numbers differ in the low bits only, as a device
 * with several messages needs it. An NT_STATUS_* value. */
uint32_t interrupts_create(struct vpci_function *function, uint32_t vector, uint32_t count,
                           uint64_t vps, struct vpci_interrupt *interrupt);
void interrupts_delete(struct vpci_function *function, const struct vpci_interrupt *interrupt);
void interrupts_delete_all(struct vpci_function *function);

/* A message that the host gave out: where it leads. */
struct interrupt_message {
    struct vpci_function *function; /* NULL: free */
    uint8_t vector, vp;
};

/* NULL: no message of the function. */
struct interrupt_message *interrupts_find(const struct vpci_function *function, uint64_t address,
                                          uint32_t data);

#endif
