/* SPDX-License-Identifier: MIT */
/* Control messages in both directions, and the list of offers that they keep. */
#include "drivers/vmbus/messages.h"

#include "abi/hypercall.h"
#include "abi/msr.h"
#include "drivers/hypercall.h"
#include "drivers/vmbus/synic.h"
#include "kernel/cpu.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "lib/string.h"

/* A host that is out of buffers says so in one of three ways (reference 2.7). */
#define POST_TRIES    14u
#define POST_DELAY_US 100u /* doubled each time: 1.6 s in all */

struct vmbus_state vmbus;

static struct {
    struct vmbus_offer offer[VMBUS_OFFERS_MAX];
    unsigned count;
    unsigned most; /* of any connection before this one */
} list;

static bool try_again(enum hv_status status)
{
    return status == HV_STATUS_INVALID_CONNECTION_ID || status == HV_STATUS_INSUFFICIENT_BUFFERS ||
           status == HV_STATUS_INSUFFICIENT_MEMORY;
}

bool vmbus_post(const void *message, size_t size)
{
    struct hv_input_post_message input = {.connection_id = vmbus.connection_id,
                                          .message_type = HV_MESSAGE_CHANNEL,
                                          .payload_size = (uint32_t)size};
    enum hv_status status = HV_STATUS_INSUFFICIENT_BUFFERS;

    memcpy(input.payload, message, size);
    vmbus.sent = ((const struct vmbus_message *)message)->type;
    for (unsigned i = 0; i < POST_TRIES && try_again(status); i++) {
        if (i > 0)
            time_delay_us(time_for_answer_us(POST_DELAY_US << (i - 1)));
        status = hypercall_simple(HVCALL_POST_MESSAGE, &input, sizeof(input), NULL, 0);
    }
    vmbus.post_status = status;
    return status == HV_STATUS_SUCCESS;
}

static void keep_offer(const struct vmbus_offer_channel *from)
{
    struct vmbus_offer *to = NULL;

    vmbus.offers++;
    for (unsigned i = 0; i < list.count && !to; i++)
        if (list.offer[i].rescinded && list.offer[i].channel_id == from->channel_id)
            to = &list.offer[i];
    if (!to) {
        if (list.count == VMBUS_OFFERS_MAX)
            return;
        to = &list.offer[list.count++];
    }
    *to =
        (struct vmbus_offer){.channel_id = from->channel_id, .connection_id = from->connection_id};
    memcpy(to->interface_guid, from->interface_guid, sizeof(to->interface_guid));
    memcpy(to->instance_guid, from->instance_guid, sizeof(to->instance_guid));
}

void vmbus_forget_offers(void)
{
    list.most = list.count > list.most ? list.count : list.most;
    vmbus.offers = list.count = 0;
}

static void keep(const union vmbus_control *message)
{
    if (message->header.type == VMBUS_OFFER_CHANNEL) {
        keep_offer(&message->offer);
        return;
    }
    for (unsigned i = 0; message->header.type == VMBUS_RESCIND_CHANNEL_OFFER && i < list.count; i++)
        if (list.offer[i].channel_id == message->channel.channel_id)
            list.offer[i].rescinded = true;
}

static bool take(union vmbus_control *message)
{
    struct hv_message raw;

    if (!synic_take(&raw) || raw.type != HV_MESSAGE_CHANNEL)
        return false;
    memset(message, 0, sizeof(*message));
    memcpy(message->bytes, raw.payload, raw.size);
    vmbus.received = message->header.type;
    keep(message);
    return true;
}

void vmbus_give_way(void)
{
    uint64_t vp;

    cpu_pause();
    (void)msr_read_safe(HV_MSR_VP_INDEX, &vp);
}

bool vmbus_wait(uint32_t type, bool (*matches)(const union vmbus_control *message, uint32_t value),
                uint32_t value, union vmbus_control *message, uint64_t timeout_us)
{
    const uint64_t end = time_us() + timeout_us;

    do {
        if (!take(message))
            vmbus_give_way();
        else if (message->header.type == type && (!matches || matches(message, value)))
            return true;
    } while (time_us() < end);
    return false;
}

struct vmbus_offer *vmbus_offer(const uint8_t *interface_guid, unsigned n)
{
    for (unsigned i = 0; i < list.count; i++)
        if (memcmp(list.offer[i].interface_guid, interface_guid,
                   sizeof(list.offer[i].interface_guid)) == 0 &&
            n-- == 0)
            return &list.offer[i];
    return NULL;
}

struct vmbus_offer *vmbus_offer_by_connection(uint32_t connection_id)
{
    for (unsigned i = 0; i < list.count; i++)
        if (list.offer[i].connection_id == connection_id)
            return &list.offer[i];
    return NULL;
}

#define LATE_PAUSE_US time_for_answer_us(200000u) /* after the last of several late offers */

/* As far as an earlier connection has shown. */
static bool all_offers_came(void)
{
    return list.most > 0 && list.count >= list.most;
}

bool vmbus_wait_for_offer(const uint8_t *interface_guid, uint64_t timeout_us)
{
    const uint64_t end = time_us() + timeout_us;
    const bool late = !vmbus_offer(interface_guid, 0);
    union vmbus_control message;

    while (!vmbus_offer(interface_guid, 0)) {
        uint64_t now = time_us();

        if (now >= end || !vmbus_wait(VMBUS_OFFER_CHANNEL, NULL, 0, &message, end - now))
            break;
    }
    if (!vmbus_offer(interface_guid, 0))
        return false;
    /* Others may be on their way. */
    while (late && !all_offers_came() &&
           vmbus_wait(VMBUS_OFFER_CHANNEL, NULL, 0, &message, LATE_PAUSE_US)) {
    }
    return true;
}
