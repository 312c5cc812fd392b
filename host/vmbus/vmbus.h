/* SPDX-License-Identifier: MIT */
/*
 * VMBus: the connection with the guest, and channels, each of which belongs to a service
 * (host/vpci). All calls: with the host's lock held.
 */
#ifndef PVT_HOST_VMBUS_VMBUS_H
#define PVT_HOST_VMBUS_VMBUS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/status.h"
#include "abi/synic.h"
#include "host/vmbus/ring.h"

#define VMBUS_CHANNELS_MAX 48u

struct vmbus_channel;

struct vmbus_service {
    uint8_t interface_guid[16];
    /* The channel is not open any more: nothing of its use may be left. */
    void (*closed)(void *owner);
    /* The offer is void. The next offer is a device in its initial state. */
    void (*withdrawn)(void *owner);
    /* A data packet; there is room for `reply_bytes` in `reply_packets` packets. */
    void (*received)(void *owner, const struct ring_packet *packet);
    uint32_t reply_bytes, reply_packets;
};

/* Adds a channel. `instance` has 16 bytes in memory order. Before launch. */
struct vmbus_channel *vmbus_add_channel(const struct vmbus_service *service, void *owner,
                                        const uint8_t *instance);
/* There is VMBus: channels were added. */
bool vmbus_present(void);
uint32_t vmbus_channel_id(const struct vmbus_channel *channel);

/* Puts a packet into the ring to the guest and signals it. False when the channel is not open, or
 * its ring has no room; there is room for the replies to a request. */
bool vmbus_send(struct vmbus_channel *channel, uint16_t type, uint64_t transaction,
                const void *payload, uint32_t size);
/* Takes an offer back, or makes it again. False when there are too many messages that the guest has
 * not read, or when the channel is not in the state for it. */
bool vmbus_rescind(struct vmbus_channel *channel);
bool vmbus_offer_again(struct vmbus_channel *channel);

/* HVCALL_POST_MESSAGE and HVCALL_SIGNAL_EVENT; the input is a private copy. */
enum hv_status vmbus_post_message(const struct hv_input_post_message *input);
enum hv_status vmbus_signal_event(const struct hv_input_signal_event *input);

/* Packets wait for room in a ring, or for their turn; at every exit. */
void vmbus_serve_waiting(void);
extern bool vmbus_waiting; /* a channel is */
static inline void vmbus_continue(void)
{
    if (vmbus_waiting)
        vmbus_serve_waiting();
}

#endif
