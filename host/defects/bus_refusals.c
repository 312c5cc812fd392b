/* SPDX-License-Identifier: MIT */
/* Requests on vPCI channels that have to be refused, or that come again: what hosts answer, and
 * what they leave. */
#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "abi/vpci.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vdev/config_space.h"
#include "host/vpci/bus.h"
#include "host/vpci/request_parse.h"
#include "lib/string.h"

#define MAJOR(version) ((version) >> 16)

static void (*right_received)(void *owner, const struct ring_packet *packet);
static bool has_left[VMBUS_CHANNELS_MAX + 1]; /* D0, by the id of the channel */

/* One request, and the bus before it. */
struct request {
    struct vpci_bus *bus;
    struct vpci_bus before;
    struct ring_packet packet;
    struct vpci_request parsed;
    uint32_t type;
};

/* Whether a completion is asked for. */
static void change_flag(struct request *r)
{
    uint32_t status = vpci_request_parse(r->packet.payload, r->packet.size, &r->parsed);
    bool slot = status == NT_STATUS_SUCCESS && r->parsed.names_function &&
                !vpci_bus_function(r->bus, r->parsed.message.slot.slot);
    bool again = r->type == VPCI_QUERY_PROTOCOL_VERSION && r->bus->version != 0;
    bool fails = status != NT_STATUS_SUCCESS || slot || again;

    if ((fails && defect_active(DEFECT_FAILURE_COMPLETED_UNASKED)) ||
        (slot && defect_active(DEFECT_SLOT_COMPLETED_UNASKED)))
        r->packet.completion_requested = true;
    if ((fails && defect_active(DEFECT_FAILURE_NOT_COMPLETED)) ||
        (status == NT_STATUS_NOT_SUPPORTED && defect_active(DEFECT_UNKNOWN_NOT_COMPLETED)))
        r->packet.completion_requested = false;
}

static void change_slot(struct request *r)
{
    struct vpci_slot_message *named = (void *)r->packet.payload;

    (void)vpci_request_parse(r->packet.payload, r->packet.size, &r->parsed);
    if (!r->parsed.names_function)
        return;
    if (defect_active(DEFECT_REQUEST_DEVICE_IGNORED))
        named->slot &= ~VPCI_SLOT_DEVICE_MASK;
    if (defect_active(DEFECT_REQUEST_SLOT_CUT))
        named->slot &= VPCI_SLOT_DEVICE_MASK | VPCI_SLOT_FUNCTION_MASK;
}

/* The request names no BAR any more. */
static void keep_bars(struct request *r)
{
    struct vpci_resources_assigned *assigned = (void *)r->packet.payload;
    struct vpci_function *function = vpci_bus_function(r->bus, assigned->slot);
    bool placed, decoded;

    if (!function)
        return;
    placed = (function->ops->read(function, CONFIG_BAR0, 4) & ~0xFu) != 0 ||
             function->ops->read(function, CONFIG_BAR0 + 4, 4) != 0;
    decoded = (function->ops->read(function, CONFIG_COMMAND, 2) & COMMAND_MEMORY) != 0;
    if ((placed && defect_active(DEFECT_RESOURCES_AGAIN_IGNORED)) ||
        (decoded && defect_active(DEFECT_RESOURCES_IN_D0_IGNORED)))
        memset(assigned->bar, 0, sizeof(assigned->bar));
}

/* Nothing is done, and the answer is success. */
static bool does_nothing(const struct request *r)
{
    bool *left = &has_left[vmbus_channel_id(r->bus->channel)], before = *left;

    if (r->type == VPCI_BUS_D0_EXIT && r->bus->powered)
        *left = true;
    return r->bus->powered &&
           ((r->type == VPCI_BUS_D0_ENTRY && defect_active(DEFECT_D0_AGAIN_IGNORED)) ||
            (r->type == VPCI_BUS_D0_EXIT && before && defect_active(DEFECT_D0_EXIT_ONCE)));
}

static void after_power(struct request *r)
{
    const struct vpci_d0_entry *entry = (const void *)r->packet.payload;

    if (r->type == VPCI_BUS_D0_ENTRY && r->before.powered && defect_active(DEFECT_D0_REFUSED_MOVES))
        r->bus->window = entry->window;
    if (r->type == VPCI_BUS_D0_ENTRY && r->before.powered && defect_active(DEFECT_D0_REFUSED_ENDS))
        vpci_power_off(r->bus);
    if (r->type == VPCI_BUS_D0_EXIT && !r->before.powered && r->bus->window != 0 &&
        defect_active(DEFECT_D0_EXIT_AGAIN_RETURNS))
        r->bus->powered = true;
}

static void after_version(const struct request *r)
{
    uint32_t asked = ((const struct vpci_version_query *)(const void *)r->packet.payload)->version;
    struct vpci_bus *bus = r->bus;

    if (bus->version == 0 &&
        (defect_active(DEFECT_VERSION_REFUSED_KEPT) ||
         (MAJOR(asked) != MAJOR(VPCI_VERSION_1_1) && defect_active(DEFECT_VERSION_MAJOR_KEPT))))
        bus->version = asked;
    if (r->before.version != 0 && defect_active(DEFECT_VERSION_AGAIN_ENDS))
        bus->version = 0;
    if (r->before.version != 0 && defect_active(DEFECT_VERSION_AGAIN_TAKEN))
        bus->version = asked;
}

static void received(void *owner, const struct ring_packet *packet)
{
    static const struct vpci_status_reply success = {NT_STATUS_SUCCESS, 0};
    static struct request r;

    r.bus = owner;
    r.before = *r.bus;
    r.packet = *packet;
    r.type = ((const struct vpci_message *)(const void *)packet->payload)->type;
    if (does_nothing(&r)) {
        if (packet->completion_requested)
            vmbus_send(r.bus->channel, VMBUS_PACKET_COMPLETION, packet->transaction, &success,
                       sizeof(success));
        return;
    }
    change_flag(&r);
    change_slot(&r);
    if (r.type == VPCI_RESOURCES_ASSIGNED || r.type == VPCI_RESOURCES_ASSIGNED_2)
        keep_bars(&r);
    right_received(owner, &r.packet);
    after_power(&r);
    if (r.type == VPCI_QUERY_PROTOCOL_VERSION)
        after_version(&r);
}

void defects_install_bus_refusals(void)
{
    if (ANY(DEFECT_FAILURE_COMPLETED_UNASKED, DEFECT_FAILURE_NOT_COMPLETED,
            DEFECT_UNKNOWN_NOT_COMPLETED, DEFECT_SLOT_COMPLETED_UNASKED, DEFECT_D0_AGAIN_IGNORED,
            DEFECT_D0_REFUSED_MOVES, DEFECT_D0_REFUSED_ENDS, DEFECT_D0_EXIT_ONCE,
            DEFECT_D0_EXIT_AGAIN_RETURNS, DEFECT_RESOURCES_AGAIN_IGNORED,
            DEFECT_RESOURCES_IN_D0_IGNORED, DEFECT_VERSION_REFUSED_KEPT, DEFECT_VERSION_MAJOR_KEPT,
            DEFECT_VERSION_AGAIN_ENDS, DEFECT_VERSION_AGAIN_TAKEN, DEFECT_REQUEST_DEVICE_IGNORED,
            DEFECT_REQUEST_SLOT_CUT)) {
        right_received = vpci_service.received;
        vpci_service.received = received;
    }
}
