/* SPDX-License-Identifier: MIT */
/*
 * Control messages: what each of them does, and its answer. A request that makes no sense in the
 * state of the connection is ignored, unless the guest waits for an answer to it.
 */
#include "host/base/log.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/control_parse.h"
#include "host/vmbus/gpadl.h"
#include "host/vmbus/synic.h"
#include "host/vmbus/vmbus_rules.h"
#include "lib/bits.h"
#include "lib/string.h"

static void end_channels(void)
{
    channels_withdraw();
    gpadl_drop_all();
}

struct vmbus_rules vmbus_rules = {.first_version = VMBUS_VERSION_3_0,
                                  .last_version = VMBUS_VERSION_5_3,
                                  .end_channels = end_channels};

static struct {
    uint32_t version; /* 0: there is no connection */
    uint32_t vp;      /* for messages of the host */
    bool offers_requested;
} connection;

#define REPLY(type, ...) synic_send(connection.vp, &(struct type){__VA_ARGS__}, sizeof(struct type))

static bool version_known(uint32_t version)
{
    static const uint32_t known[] = {VMBUS_VERSION_3_0, VMBUS_VERSION_4_0, VMBUS_VERSION_4_1,
                                     VMBUS_VERSION_5_0, VMBUS_VERSION_5_1, VMBUS_VERSION_5_2,
                                     VMBUS_VERSION_5_3};

    for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i] == version)
            return version >= vmbus_rules.first_version && version <= vmbus_rules.last_version;
    return false;
}

static void disconnect(void)
{
    synic_drop_messages();
    connection.version = 0;
    connection.offers_requested = false;
    vmbus_rules.end_channels();
}

static void initiate_contact(const struct vmbus_initiate_contact *request)
{
    bool vp_valid = request->target_vp < synic_vps();
    /* From 5.1 on the guest says which SINT it listens on: this host has one. */
    bool served = vp_valid && (request->version < VMBUS_VERSION_5_1 ||
                               (request->sint == VMBUS_SINT && request->vtl == 0));
    struct vmbus_version_response response = {
        .header.type = VMBUS_VERSION_RESPONSE,
        .supported = version_known(request->version),
        .state = served ? VMBUS_CONNECTION_STATE_OK : VMBUS_CONNECTION_STATE_FAILED,
        .connection_id =
            request->version >= VMBUS_VERSION_5_0 ? VMBUS_CONNECTION_MESSAGES_5 : request->version};

    connection.vp = vp_valid ? request->target_vp : 0;
    connection.version = response.supported && served ? request->version : 0;
    host_log(LOG_INFO, "vmbus: version 0x%x %s, messages to VP %u\n", request->version,
             connection.version != 0 ? "agreed" : "refused", connection.vp);
    synic_send(connection.vp, &response, sizeof(response));
}

static void send_offer(const struct vmbus_channel *channel)
{
    struct vmbus_offer_channel offer = {
        .header.type = VMBUS_OFFER_CHANNEL,
        .flags = VMBUS_OFFER_FLAG_ENUMERATE_INTERFACE,
        .channel_id = channel->id,
        .monitor_id = VMBUS_OFFER_NO_MONITOR,
        .dedicated_interrupt = VMBUS_OFFER_DEDICATED_INTERRUPT,
        .connection_id = CHANNEL_CONNECTIONS + (channel->id << vmbus_rules.connection_shift),
    };

    memcpy(offer.interface_guid, channel->service->interface_guid, sizeof(offer.interface_guid));
    memcpy(offer.instance_guid, channel->instance, sizeof(offer.instance_guid));
    synic_send(connection.vp, &offer, sizeof(offer));
}

static void request_offers(void)
{
    const struct vmbus_channel *channel;

    if (connection.offers_requested)
        return;
    connection.offers_requested = true;
    if (vmbus_rules.late_offers)
        REPLY(vmbus_message, .type = VMBUS_ALL_OFFERS_DELIVERED);
    for (unsigned i = 0; (channel = channel_at(i)); i++)
        if (channel->state == CHANNEL_OFFERED)
            send_offer(channel);
    if (!vmbus_rules.late_offers)
        REPLY(vmbus_message, .type = VMBUS_ALL_OFFERS_DELIVERED);
}

static void reply_result(enum vmbus_message_type type, uint32_t channel_id, uint32_t id,
                         uint32_t status)
{
    if (status != GPADL_NO_ANSWER)
        REPLY(vmbus_result, .header.type = type, .channel_id = channel_id, .id = id,
              .status = status);
}

static void tear_down(uint32_t gpadl)
{
    struct vmbus_channel *channel = channel_on(gpadl);

    if (channel)
        channel_close(channel);
    if (gpadl_drop(gpadl))
        REPLY(vmbus_gpadl_torndown, .header.type = VMBUS_GPADL_TORNDOWN, .gpadl = gpadl);
}

/* Requests that need a connection. */
static void connected(const struct vmbus_request *request)
{
    uint32_t channel_id = request->channel.channel_id, gpadl, status = NT_STATUS_UNSUCCESSFUL;
    struct vmbus_channel *channel = channel_at(channel_id - 1);

    switch (request->type) {
    case VMBUS_REQUEST_OFFERS:
        request_offers();
        break;
    case VMBUS_GPADL_HEADER:
        gpadl = request->gpadl_header.gpadl;
        if (channel)
            status = gpadl_header(gpadl, channel_id, &request->pages);
        reply_result(VMBUS_GPADL_CREATED, channel_id, gpadl, status);
        break;
    case VMBUS_GPADL_BODY:
        gpadl = request->gpadl_body.gpadl;
        status = gpadl_body(gpadl, &channel_id, &request->pages);
        reply_result(VMBUS_GPADL_CREATED, channel_id, gpadl, status);
        break;
    case VMBUS_GPADL_TEARDOWN:
        tear_down(request->teardown.gpadl);
        break;
    case VMBUS_OPEN_CHANNEL:
        if (channel)
            status = channel_open(channel, &request->open);
        reply_result(VMBUS_OPEN_CHANNEL_RESULT, channel_id, request->open.open_id, status);
        break;
    case VMBUS_MODIFY_CHANNEL:
        if (channel && connection.version >= VMBUS_VERSION_4_1)
            status = channel_modify(channel, request->modify.target_vp);
        if (connection.version >= VMBUS_VERSION_5_3)
            REPLY(vmbus_modify_channel_response, .header.type = VMBUS_MODIFY_CHANNEL_RESPONSE,
                  .channel_id = channel_id, .status = status);
        break;
    case VMBUS_CLOSE_CHANNEL:
        if (channel)
            channel_close(channel);
        break;
    case VMBUS_REL_ID_RELEASED:
        if (channel && channel->state == CHANNEL_RESCINDED)
            channel->state = CHANNEL_ABSENT;
        break;
    default:
        break;
    }
}

enum hv_status vmbus_post_message(const struct hv_input_post_message *input)
{
    struct vmbus_request request;
    unsigned answers = 1; /* at most */
    bool known;

    if (input->connection_id != VMBUS_CONNECTION_MESSAGES &&
        input->connection_id != VMBUS_CONNECTION_MESSAGES_5)
        return HV_STATUS_INVALID_CONNECTION_ID;
    if (input->reserved != 0 || input->message_type != HV_MESSAGE_CHANNEL ||
        input->payload_size > sizeof(input->payload))
        return HV_STATUS_INVALID_PARAMETER;
    known = vmbus_control_parse(input->payload, input->payload_size, &request);
    host_log(known ? LOG_TRACE : LOG_INFO, "vmbus: message %u, %u bytes%s\n",
             (unsigned)request.type, input->payload_size, known ? "" : ": ignored");
    if (!known)
        return HV_STATUS_SUCCESS;
    if (request.type == VMBUS_INITIATE_CONTACT || request.type == VMBUS_UNLOAD)
        disconnect();
    if (request.type == VMBUS_REQUEST_OFFERS)
        answers = channels_count() + 1;
    if (synic_room() < answers)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    if (request.type == VMBUS_INITIATE_CONTACT)
        initiate_contact(&request.contact);
    else if (request.type == VMBUS_UNLOAD)
        REPLY(vmbus_message, .type = VMBUS_UNLOAD_RESPONSE);
    else if (connection.version != 0)
        connected(&request);
    if (connection.version != 0 && vmbus_rules.handled)
        vmbus_rules.handled(request.type, connection.vp);
    return HV_STATUS_SUCCESS;
}

enum hv_status vmbus_signal_event(const struct hv_input_signal_event *input)
{
    struct vmbus_channel *channel = channel_at(input->connection_id - CHANNEL_CONNECTIONS - 1);

    if (input->flag_number != 0 || input->reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (!channel || channel->state != CHANNEL_OPEN)
        return HV_STATUS_INVALID_CONNECTION_ID;
    channel_serve(channel);
    return HV_STATUS_SUCCESS;
}

bool vmbus_rescind(struct vmbus_channel *channel)
{
    if ((channel->state != CHANNEL_OFFERED && channel->state != CHANNEL_OPEN) || synic_room() == 0)
        return false;
    channel_close(channel);
    channel->service->withdrawn(channel->owner);
    channel->state = connection.offers_requested ? CHANNEL_RESCINDED : CHANNEL_ABSENT;
    if (connection.offers_requested)
        REPLY(vmbus_channel_message, .header.type = VMBUS_RESCIND_CHANNEL_OFFER,
              .channel_id = channel->id);
    return true;
}

bool vmbus_offer_again(struct vmbus_channel *channel)
{
    if (channel->state != CHANNEL_ABSENT || synic_room() == 0)
        return false;
    channel->state = CHANNEL_OFFERED;
    if (connection.offers_requested)
        send_offer(channel);
    return true;
}
