/* SPDX-License-Identifier: MIT */
/* The choices of a host in the control protocol of VMBus, as data. Written before launch only. */
#ifndef PVT_HOST_VMBUS_VMBUS_RULES_H
#define PVT_HOST_VMBUS_VMBUS_RULES_H

#include <stdbool.h>
#include <stdint.h>

struct vmbus_rules {
    uint32_t first_version, last_version;        /* of the control protocol */
    uint8_t connection_shift;                    /* of a channel's number in its connection id */
    bool late_offers;                            /* after the message that all were delivered */
    void (*handled)(uint32_t type, uint32_t vp); /* a message of the guest, on a connection; NULL */
    bool (*waiting)(void);      /* vmbus_waiting was set: it still is to be; NULL */
    void (*end_channels)(void); /* a connection ends: no channel is open, no page list is left */
};
extern struct vmbus_rules vmbus_rules;

#endif
