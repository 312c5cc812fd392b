/* SPDX-License-Identifier: MIT */
/* Channels, for the files of host/vmbus only. */
#ifndef PVT_HOST_VMBUS_CHANNELS_H
#define PVT_HOST_VMBUS_CHANNELS_H

#include "abi/vmbus.h"
#include "host/vmbus/vmbus.h"

enum channel_state {
    CHANNEL_ABSENT,    /* taken back, and the guest has let go of it */
    CHANNEL_OFFERED,   /* or about to be */
    CHANNEL_OPEN,      /* has rings */
    CHANNEL_RESCINDED, /* taken back; the guest has not let go of it yet */
};

struct vmbus_channel {
    const struct vmbus_service *service;
    void *owner;
    uint8_t instance[16];
    enum channel_state state;
    uint32_t id;
    uint32_t gpadl, vp;
    struct ring from_guest, to_guest;
    bool waiting; /* packets are left on the ring from the guest */
};

unsigned channels_count(void);
/* NULL when there is none, for all indexes from their number on. A channel has the index id - 1. */
struct vmbus_channel *channel_at(uint32_t index);
/* The open channel whose rings lie in a page list; NULL: there is none. */
struct vmbus_channel *channel_on(uint32_t gpadl);

/* Of HVCALL_SIGNAL_EVENT: plus the id of the channel. */
#define CHANNEL_CONNECTIONS 0x10000u

/* NT_STATUS_*. */
uint32_t channel_open(struct vmbus_channel *channel, const struct vmbus_open_channel *request);
uint32_t channel_modify(struct vmbus_channel *channel, uint32_t vp);
void channel_close(struct vmbus_channel *channel);
/* Every channel is as before the first offer. */
void channels_withdraw(void);

/* Handles packets of the guest, a bounded number of them. */
void channel_serve(struct vmbus_channel *channel);

#endif
