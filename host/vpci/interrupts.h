/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of functions on vPCI buses. The guest gets opaque messages, numbered by the host, and
 * the host knows where each of them leads.
 */
#ifndef PVT_HOST_VPCI_INTERRUPTS_H
#define PVT_HOST_VPCI_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/status.h"
#include "host/vpci/function.h"
#include "host/vpci/retarget_parse.h"

/* `count` messages for neighboring vectors, whose numbers differ in the low bits only, as a device
 * with several messages needs it. An NT_STATUS_* value. */
uint32_t interrupts_create(struct vpci_function *function, uint32_t vector, uint32_t count,
                           uint64_t vps, struct vpci_interrupt *interrupt);
void interrupts_delete(struct vpci_function *function, const struct vpci_interrupt *interrupt);
void interrupts_delete_all(struct vpci_function *function);

/* VP and vector of a message of the function; false: the message is unknown. */
bool interrupts_find(const struct vpci_function *function, uint64_t address, uint32_t data,
                     uint32_t *vp, uint8_t *vector);
enum hv_status interrupts_retarget(const struct retarget *retarget);

#endif
