/* SPDX-License-Identifier: MIT */
/* Requests of the guest on a vPCI channel, and their replies. */
#include <stddef.h>

#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/base/log.h"
#include "host/domains/domains.h"
#include "host/vdev/config_space.h"
#include "host/vpci/bus.h"
#include "host/vpci/interrupts.h"
#include "host/vpci/request_parse.h"
#include "host/vpci/vpci_rules.h"
#include "lib/string.h"

#define VERSION_FIRST VPCI_VERSION_1_1

/* The host writes the BARs that a guest describes. */
static uint32_t assign(struct vpci_function *function, const struct vpci_assigned_bar *bar)
{
    for (unsigned i = 0; i < VPCI_BARS; i++) {
        bool wide = vpci_bar_is_wide(function->bar_mask[i]);

        if (bar[i].length == 0)
            continue;
        if (function->bar_mask[i] == 0 || (i > 0 && vpci_bar_is_wide(function->bar_mask[i - 1])) ||
            !vpci_memory_contains(bar[i].start, bar[i].length) ||
            (!wide && bar[i].start > UINT32_MAX))
            return NT_STATUS_INVALID_PARAMETER;
        function->ops->write(function, CONFIG_BAR0 + 4 * i, 4, (uint32_t)bar[i].start);
        if (wide)
            function->ops->write(function, CONFIG_BAR0 + 4 * (i + 1), 4,
                                 (uint32_t)(bar[i].start >> 32));
    }
    return NT_STATUS_SUCCESS;
}

static uint32_t set_power(struct vpci_function *function, uint32_t state)
{
    uint32_t command = function->ops->read(function, CONFIG_COMMAND, 2);

    if (state != VPCI_POWER_D0 && state != VPCI_POWER_D3)
        return NT_STATUS_INVALID_PARAMETER;
    command = state == VPCI_POWER_D0 ? command | COMMAND_MEMORY
                                     : command & ~(COMMAND_MEMORY | COMMAND_MASTER);
    function->ops->write(function, CONFIG_COMMAND, 2, command);
    return NT_STATUS_SUCCESS;
}

/* The request that is handled. */
struct exchange {
    struct vpci_bus *bus;
    const struct ring_packet *packet;
    const struct vpci_request *request;
    struct vpci_function *function; /* of the slot that the request names; NULL: there is none */
};

static void complete(const struct exchange *exchange, const void *reply, uint32_t size)
{
    if (exchange->packet->completion_requested)
        vmbus_send(exchange->bus->channel, VMBUS_PACKET_COMPLETION, exchange->packet->transaction,
                   reply, size);
}

static void complete_status(const struct exchange *exchange, uint32_t status)
{
    struct vpci_status_reply reply = {.status = status};

    complete(exchange, &reply, sizeof(reply));
}

static void reply_version(const struct exchange *exchange)
{
    struct vpci_version_reply reply = {.version = vpci_rules.last_version};
    uint32_t version = exchange->request->version;
    bool agreed = version >= VERSION_FIRST && version <= vpci_rules.last_version;

    if (agreed)
        exchange->bus->version = version;
    else
        reply.status = NT_STATUS_REVISION_MISMATCH;
    if (agreed && !vpci_rules.names_last_version)
        reply.version = version;
    complete(exchange, &reply, sizeof(reply));
    if (agreed && vpci_rules.relations_at == VPCI_RELATIONS_TWICE)
        vpci_send_relations(exchange->bus);
}

static void reply_requirements(const struct exchange *exchange)
{
    struct vpci_requirements_reply reply = {.status = NT_STATUS_SUCCESS};

    memcpy(reply.mask, exchange->function->bar_mask, sizeof(reply.mask));
    complete(exchange, &reply, sizeof(reply));
}

static void reply_resources(const struct exchange *exchange)
{
    struct vpci_resources_reply reply = {.slot = exchange->request->slot};

    reply.status = assign(exchange->function, exchange->request->resources.bar);
    memcpy(reply.bar, exchange->request->resources.raw, sizeof(reply.bar));
    complete(exchange, &reply, sizeof(reply));
}

static void reply_interrupt(const struct exchange *exchange)
{
    const struct vpci_request *request = exchange->request;
    struct vpci_create_interrupt_reply reply = {.status = NT_STATUS_SUCCESS};

    reply.status = interrupts_create(exchange->function, request->create.vector,
                                     request->create.count, request->create.vps, &reply.interrupt);
    complete(exchange, &reply, sizeof(reply));
}

static void handle(const struct exchange *exchange)
{
    const struct vpci_request *request = exchange->request;
    uint32_t status = NT_STATUS_SUCCESS;

    switch (request->type) {
    case VPCI_QUERY_PROTOCOL_VERSION:
        reply_version(exchange);
        return;
    case VPCI_QUERY_BUS_RELATIONS:
        vpci_send_relations(exchange->bus);
        return;
    case VPCI_QUERY_RESOURCE_REQUIREMENTS:
        reply_requirements(exchange);
        return;
    case VPCI_RESOURCES_ASSIGNED:
    case VPCI_RESOURCES_ASSIGNED_2:
    case VPCI_RESOURCES_ASSIGNED_3:
        reply_resources(exchange);
        return;
    case VPCI_CREATE_INTERRUPT:
    case VPCI_CREATE_INTERRUPT_2:
    case VPCI_CREATE_INTERRUPT_3:
        reply_interrupt(exchange);
        return;
    case VPCI_BUS_D0_ENTRY:
        status = vpci_d0_entry(exchange->bus, request->window);
        break;
    case VPCI_BUS_D0_EXIT:
        vpci_power_off(exchange->bus);
        break;
    case VPCI_POWER_STATE_CHANGE:
        status = set_power(exchange->function, request->power_state);
        break;
    case VPCI_DELETE_INTERRUPT:
    case VPCI_DELETE_INTERRUPT_2:
        interrupts_delete(exchange->function, &request->interrupt);
        break;
    case VPCI_RESOURCES_RELEASED:
        exchange->function->ops->reset(exchange->function);
        break;
    default: /* EJECTION_COMPLETE */
        break;
    }
    complete_status(exchange, status);
    if (request->type == VPCI_EJECTION_COMPLETE)
        vmbus_rescind(exchange->bus->channel);
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct vpci_bus *bus = owner;
    struct vpci_request request;
    enum vpci_parse parsed =
        packet->cut ? VPCI_MALFORMED : vpci_request_parse(packet->payload, packet->size, &request);
    struct exchange exchange = {.bus = bus, .packet = packet, .request = &request};
    bool query;

    if (parsed != VPCI_PARSED) {
        complete_status(&exchange,
                        parsed == VPCI_UNKNOWN ? NT_STATUS_NOT_SUPPORTED : NT_STATUS_BAD_DATA);
        return;
    }
    host_log(LOG_TRACE, "vpci: channel %u: request 0x%x\n", vmbus_channel_id(bus->channel),
             (unsigned)request.type);
    query = request.type == VPCI_QUERY_PROTOCOL_VERSION;
    /* The version is asked for first, and once agreed on it stays. */
    if (query != (bus->version == 0)) {
        complete_status(&exchange, NT_STATUS_BAD_DATA);
        return;
    }
    exchange.function = vpci_bus_function(bus, request.slot);
    if (request.names_function && !exchange.function)
        complete_status(&exchange, NT_STATUS_INVALID_PARAMETER);
    else
        handle(&exchange);
}

static void opened(void *owner)
{
    struct vpci_bus *bus = owner;

    bus->version = 0;
}

static void closed(void *owner)
{
    struct vpci_bus *bus = owner;

    bus->version = 0;
    vpci_power_off(bus);
}

/* Detaches the functions: the next user of the bus must not inherit their domains. */
static void withdrawn(void *owner)
{
    struct vpci_bus *bus = owner;

    vpci_power_off(bus);
    for (unsigned i = 0; i < bus->functions; i++)
        vpci_rules.leave_domain(bus->function[i].device_id);
}

const struct vmbus_service vpci_service = {
    .interface_guid = VPCI_INTERFACE_GUID,
    .opened = opened,
    .closed = closed,
    .withdrawn = withdrawn,
    .received = received,
    .reply_bytes = 2 * VPCI_RELATIONS_BYTES + sizeof(struct vpci_resources_reply),
    .reply_packets = 3,
};
