/* SPDX-License-Identifier: MIT */
/* Requests of the guest on a vPCI channel, and their replies. */
#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/base/log.h"
#include "host/vdev/config_space.h"
#include "host/vpci/bus.h"
#include "host/vpci/interrupts.h"
#include "host/vpci/request_parse.h"
#include "host/vpci/vpci_rules.h"
#include "lib/string.h"

/* The BAR can be where the guest describes it. */
static bool can_place(const struct vpci_function *function, unsigned i,
                      const struct vpci_assigned_bar *bar)
{
    uint32_t mask = function->bar_mask[i];

    return mask != 0 && !vpci_bar_is_upper(function, i) &&
           vpci_memory_contains(bar->start, bar->length) &&
           ((uint32_t)bar->start & ~(mask & ~BAR_FLAGS)) == 0 &&
           (vpci_bar_is_wide(mask) || bar->start <= UINT32_MAX);
}

/* The host writes the BARs that a guest describes: all of them, or none. */
static uint32_t assign(struct vpci_function *function, const struct vpci_assigned_bar *bar)
{
    for (unsigned i = 0; i < VPCI_BARS; i++)
        if (bar[i].length != 0 && !can_place(function, i, &bar[i]))
            return NT_STATUS_INVALID_PARAMETER;
    for (unsigned i = 0; i < VPCI_BARS; i++)
        for (unsigned word = 0; word < (vpci_bar_is_wide(function->bar_mask[i]) ? 2 : 1); word++)
            if (bar[i].length != 0)
                function->ops->write(function, CONFIG_BAR0 + 4 * (i + word), 4,
                                     (uint32_t)(bar[i].start >> (32 * word)));
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

static uint32_t agree(struct vpci_bus *bus, uint32_t version, uint32_t *named)
{
    bool agreed = version >= VPCI_VERSION_1_1 && version <= vpci_rules.last_version;

    *named = agreed && !vpci_rules.names_last_version ? version : vpci_rules.last_version;
    if (agreed)
        bus->version = version;
    return agreed ? NT_STATUS_SUCCESS : NT_STATUS_REVISION_MISMATCH;
}

/* All replies begin with the status. The one to resources is the longest. */
union reply {
    uint32_t status;
    struct vpci_status_reply only_status;
    struct vpci_version_reply version;
    struct vpci_requirements_reply requirements;
    struct vpci_resources_reply resources;
    struct vpci_create_interrupt_reply created;
};

/* Does what the guest asks for. Returns the size of the reply; 0: there is none. */
static uint32_t handle(struct vpci_bus *bus, struct vpci_function *function,
                       const struct vpci_request *request, union reply *reply)
{
    switch (request->type) {
    case VPCI_QUERY_PROTOCOL_VERSION:
        reply->status = agree(bus, request->message.version.version, &reply->version.version);
        return sizeof(reply->version);
    case VPCI_QUERY_BUS_RELATIONS:
        vpci_send_relations(bus);
        return 0;
    case VPCI_QUERY_RESOURCE_REQUIREMENTS:
        memcpy(reply->requirements.mask, function->bar_mask, sizeof(function->bar_mask));
        return sizeof(reply->requirements);
    case VPCI_RESOURCES_ASSIGNED:
    case VPCI_RESOURCES_ASSIGNED_2:
    case VPCI_RESOURCES_ASSIGNED_3:
        reply->status = assign(function, request->bar);
        reply->resources.slot = request->message.slot.slot;
        memcpy(reply->resources.bar, request->message.resources.bar, sizeof(reply->resources.bar));
        return sizeof(reply->resources);
    case VPCI_CREATE_INTERRUPT:
    case VPCI_CREATE_INTERRUPT_2:
    case VPCI_CREATE_INTERRUPT_3:
        reply->status = interrupts_create(function, request->create.vector, request->create.count,
                                          request->create.vps, &reply->created.interrupt);
        return sizeof(reply->created);
    case VPCI_DELETE_INTERRUPT:
    case VPCI_DELETE_INTERRUPT_2:
        interrupts_delete(function, &request->message.deleted.interrupt);
        break;
    case VPCI_BUS_D0_ENTRY:
        reply->status = vpci_d0_entry(bus, request->message.d0_entry.window);
        break;
    case VPCI_BUS_D0_EXIT:
        vpci_power_off(bus);
        break;
    case VPCI_POWER_STATE_CHANGE:
        reply->status = set_power(function, request->message.power.state);
        break;
    case VPCI_RESOURCES_RELEASED:
        function->ops->reset(function);
        break;
    default: /* EJECTION_COMPLETE */
        break;
    }
    return sizeof(reply->only_status);
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct vpci_bus *bus = owner;
    struct vpci_request request;
    uint32_t parsed = vpci_request_parse(packet->payload, packet->cut ? 0 : packet->size, &request);
    struct vpci_function *function = vpci_bus_function(bus, request.message.slot.slot);
    union reply reply = {.resources.status = parsed};
    uint32_t size = sizeof(reply.only_status);

    /* The version is asked for first, and once agreed on it stays. */
    if (parsed == NT_STATUS_SUCCESS &&
        (request.type == VPCI_QUERY_PROTOCOL_VERSION) != (bus->version == 0))
        reply.status = NT_STATUS_BAD_DATA;
    else if (parsed == NT_STATUS_SUCCESS && request.names_function && !function)
        reply.status = NT_STATUS_INVALID_PARAMETER;
    else if (parsed == NT_STATUS_SUCCESS)
        size = handle(bus, function, &request, &reply);
    host_log(LOG_TRACE, "vpci: channel %u: request 0x%x: status 0x%x\n",
             vmbus_channel_id(bus->channel), (unsigned)request.type, reply.status);
    if (packet->completion_requested && size != 0)
        vmbus_send(bus->channel, VMBUS_PACKET_COMPLETION, packet->transaction, &reply, size);
    if (reply.status != NT_STATUS_SUCCESS)
        return;
    if (request.type == VPCI_EJECTION_COMPLETE)
        vmbus_rescind(bus->channel);
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

struct vmbus_service vpci_service = {
    .interface_guid = VPCI_INTERFACE_GUID,
    .closed = closed,
    .withdrawn = withdrawn,
    .received = received,
    .reply_bytes = 2 * VPCI_RELATIONS_BYTES + sizeof(struct vpci_resources_reply),
    .reply_packets = 3,
};
