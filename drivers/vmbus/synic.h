/* SPDX-License-Identifier: MIT */
/*
 * The synthetic interrupt controller of the first processor (reference 2), for VMBus messages
 * alone. Messages are polled: the SINT is not masked, because hosts lose what they cannot deliver,
 * but its interrupt does nothing.
 */
#ifndef PVT_DRIVERS_VMBUS_SYNIC_H
#define PVT_DRIVERS_VMBUS_SYNIC_H

#include <stdbool.h>

#include "abi/synic.h"

/* NULL, or which register did not take its value. Needs a ready hypercall interface. */
const char *synic_start(void);
/* Everything off again, in reverse order. */
void synic_stop(void);

/* Takes the message in the slot of VMBus; false when there is none. */
bool synic_take(struct hv_message *message);

#endif
