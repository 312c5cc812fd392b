/* SPDX-License-Identifier: MIT */
#include "host/vmbus/channels.h"

#include <stddef.h>

#include "abi/vmbus_ring.h"
#include "host/base/log.h"
#include "host/base/panic.h"
#include "host/vmbus/gpadl.h"
#include "host/vmbus/synic.h"
#include "host/vmbus/vmbus_rules.h"
#include "lib/hot.h"
#include "lib/string.h"

/* Of one exit: another processor may write packets as fast as this one takes them. */
#define PACKETS_PER_TURN 64u

static struct {
    struct vmbus_channel channel[VMBUS_CHANNELS_MAX];
    unsigned count;
    struct ring_packet packet; /* too large for the host's stack */
} channels;
HOT_DATA bool vmbus_waiting;

struct vmbus_channel *vmbus_add_channel(const struct vmbus_service *service, void *owner,
                                        const uint8_t *instance)
{
    struct vmbus_channel *channel = &channels.channel[channels.count];

    if (channels.count == VMBUS_CHANNELS_MAX)
        host_panic("more than %u VMBus channels", VMBUS_CHANNELS_MAX);
    *channel = (struct vmbus_channel){.service = service, .owner = owner, .state = CHANNEL_OFFERED};
    channel->id = ++channels.count;
    memcpy(channel->instance, instance, sizeof(channel->instance));
    gpadl_init();
    return channel;
}

bool vmbus_present(void)
{
    return channels.count != 0;
}

uint32_t vmbus_channel_id(const struct vmbus_channel *channel)
{
    return channel->id;
}

unsigned channels_count(void)
{
    return channels.count;
}

struct vmbus_channel *channel_at(uint32_t index)
{
    return index < channels.count ? &channels.channel[index] : NULL;
}

struct vmbus_channel *channel_on(uint32_t gpadl)
{
    for (unsigned i = 0; i < channels.count; i++)
        if (channels.channel[i].state == CHANNEL_OPEN && channels.channel[i].gpadl == gpadl)
            return &channels.channel[i];
    return NULL;
}

static bool vp_valid(uint32_t vp)
{
    return vp == VMBUS_NO_VP || vp < synic_vps();
}

uint32_t channel_open(struct vmbus_channel *channel, const struct vmbus_open_channel *request)
{
    const struct gpadl *gpadl = gpadl_find(request->gpadl);
    uint32_t downstream = request->downstream_page;

    if (channel->state != CHANNEL_OFFERED || !gpadl || channel_on(request->gpadl) ||
        downstream >= gpadl->total || !vp_valid(request->target_vp) ||
        !ring_open(&channel->from_guest, RING_READER, gpadl->page, downstream) ||
        !ring_open(&channel->to_guest, RING_WRITER, gpadl->page + downstream,
                   gpadl->total - downstream))
        return NT_STATUS_INVALID_PARAMETER;
    channel->state = CHANNEL_OPEN;
    channel->gpadl = request->gpadl;
    channel->vp = request->target_vp;
    return NT_STATUS_SUCCESS;
}

uint32_t channel_modify(struct vmbus_channel *channel, uint32_t vp)
{
    if (channel->state != CHANNEL_OPEN || !vp_valid(vp))
        return NT_STATUS_INVALID_PARAMETER;
    channel->vp = vp;
    return NT_STATUS_SUCCESS;
}

void channel_close(struct vmbus_channel *channel)
{
    if (channel->state != CHANNEL_OPEN)
        return;
    channel->state = CHANNEL_OFFERED;
    channel->waiting = false;
    channel->service->closed(channel->owner);
}

void channels_withdraw(void)
{
    for (unsigned i = 0; i < channels.count; i++) {
        struct vmbus_channel *channel = &channels.channel[i];

        channel_close(channel);
        if (channel->state == CHANNEL_RESCINDED)
            channel->state = CHANNEL_ABSENT;
        channel->service->withdrawn(channel->owner);
    }
}

bool vmbus_send(struct vmbus_channel *channel, uint16_t type, uint64_t transaction,
                const void *payload, uint32_t size)
{
    if (channel->state != CHANNEL_OPEN || !ring_has_room(&channel->to_guest, size, 1))
        return false;
    if (ring_put(&channel->to_guest, type, transaction, payload, size))
        synic_signal(channel->vp, channel->id);
    return true;
}

static bool broken(const struct vmbus_channel *channel)
{
    return channel->from_guest.broken || channel->to_guest.broken;
}

void channel_serve(struct vmbus_channel *channel)
{
    const struct vmbus_service *service = channel->service;
    enum ring_take taken = RING_TAKEN;
    unsigned packets = 0;

    /* Nothing is told of a ring twice. */
    if (broken(channel))
        return;
    while (taken == RING_TAKEN && channel->state == CHANNEL_OPEN && packets++ < PACKETS_PER_TURN &&
           ring_has_room(&channel->to_guest, service->reply_bytes, service->reply_packets)) {
        taken = ring_take(&channel->from_guest, &channels.packet);
        if (taken == RING_TAKEN && channels.packet.type == VMBUS_PACKET_DATA)
            service->received(channel->owner, &channels.packet);
    }
    if (channel->state != CHANNEL_OPEN)
        return;
    channel->waiting = taken == RING_TAKEN && !broken(channel);
    vmbus_waiting |= channel->waiting;
    if (broken(channel))
        host_log(LOG_INFO, "vmbus: channel %u: broken rings; it is dead until it is closed\n",
                 channel->id);
    else if (ring_writer_waits(&channel->from_guest))
        synic_signal(channel->vp, channel->id);
}

void vmbus_serve_waiting(void)
{
    vmbus_waiting = vmbus_rules.waiting && vmbus_rules.waiting();
    for (unsigned i = 0; i < channels.count; i++)
        if (channels.channel[i].waiting)
            channel_serve(&channels.channel[i]);
}
