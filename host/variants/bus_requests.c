/* SPDX-License-Identifier: MIT */
/* Other legal hosts on vPCI channels: in which state they take a request, and what they send
 * unasked. */
#include <stddef.h>

#include "abi/device_domain.h"
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/base/reference_time.h"
#include "host/hypercalls/call.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vdev/config_space.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/vmbus_rules.h"
#include "host/vpci/bus.h"
#include "host/vpci/vpci_rules.h"
#include "lib/string.h"

#define RESET_TICKS     100000u /* of 100 ns: 10 ms, where PCI Express allows ten times as much */
#define LATE_TICKS      15000000u
#define REFUSAL_TICKS   1000u
#define LATE_EVERY      512u
#define LATE_FIRST      5u /* of the transaction ids of the suite, which count */
#define NO_DEVICE       0x3FFFFFFFFFFFFFFFull
#define INVALIDATE_BUS  VPCI_MESSAGE(0x03)
#define UNKNOWN_MESSAGE VPCI_MESSAGE(0x7E)

static void (*usual_received)(void *owner, const struct ring_packet *packet);
static void (*usual_closed)(void *owner);
static void (*usual_power_off)(struct vpci_function *function);
static call_handler *usual_attach, *usual_detach, *usual_property;

/* Of a channel, by its id. */
static struct {
    bool ended;    /* by the guest, which broke the order of the protocol */
    bool held;     /* it was closed in D0 */
    bool assigned; /* RESOURCES_ASSIGNED has come */
} state[VMBUS_CHANNELS_MAX + 1];

/* Of the request that is handled. */
struct request {
    struct vpci_bus *bus;
    const struct ring_packet *packet;
    uint32_t type, word; /* a version, or the slot */
};

static bool is_assignment(const struct request *r)
{
    return r->type == VPCI_RESOURCES_ASSIGNED || r->type == VPCI_RESOURCES_ASSIGNED_2 ||
           r->type == VPCI_RESOURCES_ASSIGNED_3;
}

static bool function_decodes(const struct request *r)
{
    struct vpci_function *function = vpci_bus_function(r->bus, r->word);

    return function && (function->ops->read(function, CONFIG_COMMAND, 2) & COMMAND_MEMORY) != 0;
}

static bool wants_d0(const struct request *r)
{
    uint32_t wanted;

    memcpy(&wanted, r->packet->payload + offsetof(struct vpci_power_state_change, state),
           sizeof(wanted));
    return r->type == VPCI_POWER_STATE_CHANGE && wanted == VPCI_POWER_D0;
}

/* In the place of each form. */
static unsigned messages_wanted(const struct request *r)
{
    const size_t at = r->type == VPCI_CREATE_INTERRUPT_3
                          ? offsetof(struct vpci_create_interrupt_3, count)
                          : offsetof(struct vpci_create_interrupt, count);
    uint16_t count;

    memcpy(&count, r->packet->payload + at, sizeof(count));
    return r->type == VPCI_CREATE_INTERRUPT || r->type == VPCI_CREATE_INTERRUPT_2 ||
                   r->type == VPCI_CREATE_INTERRUPT_3
               ? count
               : 0;
}

/* The status of a refusal. */
static uint32_t refusal(const struct request *r)
{
    const unsigned id = vmbus_channel_id(r->bus->channel);

    if (r->type == VPCI_QUERY_PROTOCOL_VERSION && r->word < VPCI_VERSION_1_2 &&
        variant_active(VARIANT_VPCI_FROM_1_2))
        return NT_STATUS_REVISION_MISMATCH;
    if (r->type == VPCI_QUERY_PROTOCOL_VERSION && r->word < VPCI_VERSION_1_4 &&
        variant_active(VARIANT_VPCI_1_4))
        return NT_STATUS_REVISION_MISMATCH;
    if (messages_wanted(r) > 1 && variant_active(VARIANT_VPCI_SINGLE_MESSAGES))
        return NT_STATUS_INVALID_PARAMETER;
    if (r->type == VPCI_BUS_D0_ENTRY && state[id].held && variant_active(VARIANT_VPCI_D0_HELD))
        return NT_STATUS_UNSUCCESSFUL;
    if (is_assignment(r) && function_decodes(r) && variant_active(VARIANT_VPCI_DECODED_BARS_KEPT))
        return NT_STATUS_UNSUCCESSFUL;
    if (((is_assignment(r) && !r->bus->powered) || (wants_d0(r) && !state[id].assigned)) &&
        variant_active(VARIANT_VPCI_STEPS_IN_ORDER))
        return NT_STATUS_UNSUCCESSFUL;
    return NT_STATUS_SUCCESS;
}

static void complete(const struct request *r, uint32_t status)
{
    const struct vpci_version_reply reply = {.status = status, .version = VPCI_VERSION_1_4};

    if (r->packet->completion_requested)
        vmbus_send(r->bus->channel, VMBUS_PACKET_COMPLETION, r->packet->transaction, &reply,
                   sizeof(reply));
}

/* A guest may leave both aside. */
static void send_others(const struct request *r)
{
    const struct vpci_slot_message message[] = {{INVALIDATE_BUS, 0}, {UNKNOWN_MESSAGE, 0}};

    for (unsigned i = 0; i < 2 && variant_active(VARIANT_VPCI_OTHER_MESSAGES); i++)
        vmbus_send(r->bus->channel, VMBUS_PACKET_DATA, 0, &message[i], sizeof(message[i]));
}

/* Once more, and twice where the guest has not asked. */
static void send_relations_again(const struct request *r)
{
    if (r->type == VPCI_QUERY_PROTOCOL_VERSION)
        vpci_send_relations(r->bus);
    if (r->type == VPCI_QUERY_PROTOCOL_VERSION || r->type == VPCI_QUERY_BUS_RELATIONS ||
        r->type == VPCI_BUS_D0_ENTRY)
        vpci_send_relations(r->bus);
}

static void take_time(void)
{
    const uint64_t start = reference_time();

    while (reference_time() - start < RESET_TICKS)
        continue;
}

static void note(const struct request *r)
{
    const unsigned id = vmbus_channel_id(r->bus->channel);

    if (r->type == VPCI_BUS_D0_EXIT)
        state[id].held = state[id].assigned = false;
    if (is_assignment(r))
        state[id].assigned = true;
    if (r->type == VPCI_RESOURCES_RELEASED && variant_active(VARIANT_VPCI_SLOW_RESET) &&
        vpci_bus_function(r->bus, r->word))
        take_time();
}

/* With the command register as it is. */
static bool power_is_apart(const struct request *r)
{
    return r->type == VPCI_POWER_STATE_CHANGE && vpci_bus_function(r->bus, r->word) &&
           r->bus->version != 0 && variant_active(VARIANT_VPCI_POWER_APART);
}

/* A request that changes nothing, so that its place among the others does not matter. */
static struct {
    struct vpci_bus *bus; /* NULL: there is none */
    struct ring_packet packet;
    uint64_t end;
} late;

/* For how many units of 100 ns its completion waits, while others are completed; 0: it does not. */
static uint64_t late_by(const struct request *r)
{
    if (r->type != VPCI_QUERY_RESOURCE_REQUIREMENTS || !r->packet->completion_requested || late.bus)
        return 0;
    if (!vpci_bus_function(r->bus, r->word) && variant_active(VARIANT_VPCI_REFUSALS_LATE))
        return REFUSAL_TICKS;
    return r->packet->transaction % LATE_EVERY == LATE_FIRST &&
                   variant_active(VARIANT_VPCI_LATE_REPLIES)
               ? LATE_TICKS
               : 0;
}

static void put_off(const struct request *r, uint64_t ticks)
{
    late.bus = r->bus;
    late.packet = *r->packet;
    late.end = reference_time() + ticks;
    vmbus_waiting = true;
}

/* It still waits. */
static bool serve_late(void)
{
    struct vpci_bus *bus = late.bus;

    if (!bus || reference_time() < late.end)
        return bus;
    late.bus = NULL;
    usual_received(bus, &late.packet);
    return false;
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct request r = {.bus = owner, .packet = packet};
    const unsigned id = vmbus_channel_id(r.bus->channel);
    uint32_t status;

    memcpy(&r.type, packet->payload, sizeof(r.type));
    memcpy(&r.word, packet->payload + sizeof(r.type), sizeof(r.word));
    if (r.type == VPCI_QUERY_PROTOCOL_VERSION && r.bus->version != 0 &&
        variant_active(VARIANT_VPCI_VERSION_ONCE))
        state[id].ended = true;
    if (state[id].ended)
        return;
    if (late_by(&r) != 0) {
        put_off(&r, late_by(&r));
        return;
    }
    send_others(&r);
    status = refusal(&r);
    if (status != NT_STATUS_SUCCESS || power_is_apart(&r)) {
        complete(&r, status);
        return;
    }
    if (r.type == VPCI_BUS_D0_ENTRY && variant_active(VARIANT_VPCI_D0_AGAIN))
        r.bus->powered = false; /* all windows there are can be had */
    note(&r);
    usual_received(owner, packet);
    if (r.bus->version != 0 && variant_active(VARIANT_VPCI_RELATIONS_TWICE))
        send_relations_again(&r);
}

static void closed(void *owner)
{
    struct vpci_bus *bus = owner;
    const unsigned id = vmbus_channel_id(bus->channel);

    if (late.bus == bus)
        late.bus = NULL;
    state[id].held = bus->powered;
    state[id].ended = state[id].assigned = false;
    usual_closed(owner);
}

static void leave_domain(struct vpci_function *function)
{
    usual_power_off(function);
    vpci_rules.leave_domain(function->device_id);
}

/* The id is known while the device is in D0. */
static uint64_t id_in_d0(uint64_t device_id)
{
    const struct vpci_function *function = vpci_function_find(device_id);

    return function && !function->bus->powered ? NO_DEVICE : device_id;
}

static enum hv_status attach(struct call_context *context)
{
    struct hv_input_attach_device_domain *input = call_input(context);

    input->device_id = id_in_d0(input->device_id);
    return usual_attach(context);
}

static enum hv_status detach(struct call_context *context)
{
    struct hv_input_detach_device_domain *input = call_input(context);

    input->device_id = id_in_d0(input->device_id);
    return usual_detach(context);
}

static enum hv_status property(struct call_context *context)
{
    struct hv_input_get_logical_device_property *input = call_input(context);

    input->logical_device_id = id_in_d0(input->logical_device_id);
    return usual_property(context);
}

static call_handler *in_front(uint16_t code, call_handler *handler)
{
    struct call *call = call_entry(code);
    call_handler *usual = call->handler;

    call->handler = handler;
    return usual;
}

void variants_install_bus_requests(void)
{
    if (variant_active(VARIANT_VPCI_LATE_REPLIES) || variant_active(VARIANT_VPCI_REFUSALS_LATE))
        vmbus_rules.waiting = serve_late;
    if (variant_active(VARIANT_VPCI_1_4) || variant_active(VARIANT_VPCI_SINGLE_MESSAGES) ||
        variant_active(VARIANT_VPCI_LATE_REPLIES) || variant_active(VARIANT_VPCI_REFUSALS_LATE) ||
        variant_active(VARIANT_VPCI_FROM_1_2) || variant_active(VARIANT_VPCI_VERSION_ONCE) ||
        variant_active(VARIANT_VPCI_D0_AGAIN) || variant_active(VARIANT_VPCI_D0_HELD) ||
        variant_active(VARIANT_VPCI_DECODED_BARS_KEPT) ||
        variant_active(VARIANT_VPCI_STEPS_IN_ORDER) || variant_active(VARIANT_VPCI_POWER_APART) ||
        variant_active(VARIANT_VPCI_SLOW_RESET) || variant_active(VARIANT_VPCI_OTHER_MESSAGES) ||
        variant_active(VARIANT_VPCI_RELATIONS_TWICE)) {
        usual_received = vpci_service.received;
        usual_closed = vpci_service.closed;
        vpci_service.received = received;
        vpci_service.closed = closed;
        vpci_service.reply_bytes += 2 * VPCI_RELATIONS_BYTES;
        vpci_service.reply_packets += 2;
    }
    if (variant_active(VARIANT_VPCI_DEVICES_IN_D0)) {
        usual_power_off = vpci_rules.power_off;
        vpci_rules.power_off = leave_domain;
        usual_attach = in_front(HVCALL_ATTACH_DEVICE_DOMAIN, attach);
        usual_detach = in_front(HVCALL_DETACH_DEVICE_DOMAIN, detach);
        usual_property = in_front(HVCALL_GET_LOGICAL_DEVICE_PROPERTY, property);
    }
}
