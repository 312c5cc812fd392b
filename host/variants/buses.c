/* SPDX-License-Identifier: MIT */
/* Other legal hosts on VMBus and its virtual PCI buses: other versions, another order of messages,
 * and channels of other devices, as a generation 2 VM has them. */
#include <stddef.h>

#include "abi/bus_control.h"
#include "abi/device_domain.h"
#include "abi/device_property.h"
#include "abi/hypercall.h"
#include "abi/oracle.h"
#include "abi/retarget_interrupt.h"
#include "abi/synic.h"
#include "abi/vmbus.h"
#include "host/hypercalls/call.h"
#include "host/variants/install.h"
#include "host/variants/variants.h"
#include "host/vdev/config_space.h"
#include "host/vdev/vdev.h"
#include "host/vmbus/channels.h"
#include "host/vmbus/synic.h"
#include "host/vmbus/vmbus.h"
#include "host/vmbus/vmbus_rules.h"
#include "host/vpci/function.h"
#include "host/vpci/vpci_rules.h"
#include "lib/bits.h"

#define OTHER_KINDS 20u

#define NUMBER_SHIFT 12u
#define ID_BITS      0x00FFFFFFu /* HV_CONNECTION_ID: those above are reserved */

static uint32_t (*usual_read)(struct vpci_function *function, unsigned offset, unsigned size);

/* Of a write-only register: what the guest wrote is not there to be read. */
static uint32_t read_without_bars(struct vpci_function *function, unsigned offset, unsigned size)
{
    if (offset < CONFIG_BAR0 + 4 * VPCI_BARS && offset + size > CONFIG_BAR0)
        return 0;
    return usual_read(function, offset, size);
}

static void ignore(void *owner)
{
    (void)owner;
}

static void ignore_packet(void *owner, const struct ring_packet *packet)
{
    (void)owner;
    (void)packet;
}

/* Storage, network, keyboard, mouse, video, time, ...: each kind has a GUID of its own. */
static void add_other_channels(void)
{
    static struct vmbus_service service[OTHER_KINDS];

    for (unsigned i = 0; i < OTHER_KINDS; i++) {
        const uint8_t instance[16] = {0x10, (uint8_t)i, 'o', 't', 'h', 'e', 'r'};

        service[i] = (struct vmbus_service){
            .interface_guid = {(uint8_t)(0xA0 + i), 0x31, 0x61, 0xBA, 0x04, 0x46, 0xFA, 0x4C},
            .closed = ignore,
            .withdrawn = ignore,
            .received = ignore_packet,
        };
        vmbus_add_channel(&service[i], NULL, instance);
    }
}

/* Types beyond all that are known. */
static void send_other_messages(uint32_t type, uint32_t vp)
{
    enum { UNKNOWN = 0x63, MESSAGES = 2 };
    const struct vmbus_message message = {.type = UNKNOWN + type};

    for (unsigned i = 0; i < MESSAGES && synic_room() > VMBUS_CHANNELS_MAX + 1; i++)
        synic_send(vp, &message, sizeof(message));
}

static void offer_in_parts(uint32_t type)
{
    static bool owed[VMBUS_CHANNELS_MAX];

    for (unsigned i = 0; i < channels_count(); i++) {
        struct vmbus_channel *channel = channel_at(i);

        if (type == VMBUS_INITIATE_CONTACT) {
            owed[i] |= i % 2 != 0 && channel->state == CHANNEL_OFFERED;
            if (owed[i])
                channel->state = CHANNEL_ABSENT;
        }
        if (type == VMBUS_REQUEST_OFFERS && owed[i])
            owed[i] = !vmbus_offer_again(channel);
    }
}

/* All channels after the end of the list, and each connection begins with another one. */
static void offer_in_turn(uint32_t type)
{
    static bool owed[VMBUS_CHANNELS_MAX];
    static unsigned first;
    const unsigned count = channels_count();

    for (unsigned i = 0; i < count && type == VMBUS_INITIATE_CONTACT; i++) {
        owed[i] |= channel_at(i)->state == CHANNEL_OFFERED;
        if (owed[i])
            channel_at(i)->state = CHANNEL_ABSENT;
    }
    if (type != VMBUS_REQUEST_OFFERS)
        return;
    first++;
    for (unsigned n = 0; n < count; n++) {
        const unsigned i = (first + n) % count;

        if (owed[i])
            owed[i] = !vmbus_offer_again(channel_at(i));
    }
}

/* Data2 of a GUID, bytes 4 and 5, is the upper half of the id: that of a segment 0x8001. */
#define HIGH_ID UINT64_C(0x80010000)

static void raise_ids_of_guids(void)
{
    static bool done;

    for (unsigned i = 0; i < channels_count() && !done; i++) {
        channel_at(i)->instance[4] ^= (uint8_t)(HIGH_ID >> 16);
        channel_at(i)->instance[5] ^= (uint8_t)(HIGH_ID >> 24);
    }
    done = true;
}

/* Calls that name a device, and where in their input; their usual handlers, once this one is in
 * front. */
static struct naming_call {
    uint16_t code;
    size_t at;
    call_handler *usual;
} naming_calls[] = {
    {HVCALL_ATTACH_DEVICE_DOMAIN, offsetof(struct hv_input_attach_device_domain, device_id), NULL},
    {HVCALL_DETACH_DEVICE_DOMAIN, offsetof(struct hv_input_detach_device_domain, device_id), NULL},
    {HVCALL_GET_LOGICAL_DEVICE_PROPERTY,
     offsetof(struct hv_input_get_logical_device_property, logical_device_id), NULL},
    {HVCALL_RETARGET_DEVICE_INTERRUPT,
     offsetof(struct hv_input_retarget_device_interrupt, device_id), NULL},
    {HVCALL_BUS_CONTROL, offsetof(struct bus_control_input, device_id), NULL},
    {HVCALL_ORACLE_FAULT, offsetof(struct oracle_fault_input, device_id), NULL},
};
#define NAMING_CALLS ARRAY_SIZE(naming_calls)

static enum hv_status with_high_id(struct call_context *context)
{
    unsigned n = 0;
    uint64_t *id;
    enum hv_status status;

    while (naming_calls[n].code != context->call->code)
        n++;
    id = (uint64_t *)(void *)((uint8_t *)call_input(context) + naming_calls[n].at);
    if (*id != ORACLE_FAULT_ANY_DEVICE)
        *id ^= HIGH_ID;
    status = naming_calls[n].usual(context);
    if (naming_calls[n].code == HVCALL_ORACLE_FAULT && status == HV_STATUS_SUCCESS)
        ((struct oracle_fault *)call_output(context))->device_id ^= HIGH_ID;
    return status;
}

static void handled(uint32_t type, uint32_t vp)
{
    if (variant_active(VARIANT_VPCI_HIGH_IDS))
        raise_ids_of_guids();
    if (variant_active(VARIANT_VMBUS_OFFERS_IN_PARTS))
        offer_in_parts(type);
    if (variant_active(VARIANT_VMBUS_OFFERS_IN_TURN))
        offer_in_turn(type);
    if (variant_active(VARIANT_VMBUS_OTHER_MESSAGES))
        send_other_messages(type, vp);
}

static void (*usual_end)(void);
static void (*usual_leave)(uint64_t device_id);
static bool ending; /* a connection does */

static void end_channels(void)
{
    ending = true;
    usual_end();
    ending = false;
}

static void leave_unless_ending(uint64_t device_id)
{
    if (!ending)
        usual_leave(device_id);
}

static void keep_domains_at_end(void)
{
    usual_end = vmbus_rules.end_channels;
    usual_leave = vpci_rules.leave_domain;
    vmbus_rules.end_channels = end_channels;
    vpci_rules.leave_domain = leave_unless_ending;
}

static call_handler *usual_post, *usual_signal;

static enum hv_status post(struct call_context *context)
{
    struct hv_input_post_message *input = call_input(context);

    input->connection_id &= ID_BITS;
    return usual_post(context);
}

/* The channel is named by the number of before then. */
static enum hv_status signal(struct call_context *context)
{
    struct hv_input_signal_event *input = call_input(context);
    const uint32_t id = (input->connection_id & ID_BITS) - CHANNEL_CONNECTIONS;
    const struct vmbus_channel *channel =
        id % (1u << NUMBER_SHIFT) == 0 ? channel_at((id >> NUMBER_SHIFT) - 1) : NULL;

    if (channel && channel->state == CHANNEL_OFFERED)
        return HV_STATUS_SUCCESS;
    input->connection_id = channel ? CHANNEL_CONNECTIONS + channel->id : 0;
    return usual_signal(context);
}

static call_handler *in_front(uint16_t code, call_handler *handler)
{
    struct call *call = call_entry(code);
    call_handler *usual = call->handler;

    call->handler = handler;
    return usual;
}

void variants_install_buses(void)
{
    if (variant_active(VARIANT_VMBUS_OTHER_OFFERS) && vdev_off_bus)
        add_other_channels();
    vmbus_rules.late_offers = variant_active(VARIANT_VMBUS_LATE_OFFERS);
    if (variant_active(VARIANT_VMBUS_OFFERS_IN_PARTS) ||
        variant_active(VARIANT_VMBUS_OFFERS_IN_TURN) ||
        variant_active(VARIANT_VMBUS_OTHER_MESSAGES) || variant_active(VARIANT_VPCI_HIGH_IDS))
        vmbus_rules.handled = handled;
    for (unsigned i = 0; i < NAMING_CALLS && variant_active(VARIANT_VPCI_HIGH_IDS); i++)
        naming_calls[i].usual = in_front(naming_calls[i].code, with_high_id);
    if (variant_active(VARIANT_VMBUS_CONNECTIONS_APART)) {
        vmbus_rules.connection_shift = NUMBER_SHIFT;
        usual_post = in_front(HVCALL_POST_MESSAGE, post);
        usual_signal = in_front(HVCALL_SIGNAL_EVENT, signal);
    }
    if (variant_active(VARIANT_VMBUS_4_0))
        vmbus_rules.first_version = vmbus_rules.last_version = VMBUS_VERSION_4_0;
    if (variant_active(VARIANT_VMBUS_5_3))
        vmbus_rules.first_version = VMBUS_VERSION_5_3;
    if (variant_active(VARIANT_VMBUS_END_KEEPS_DOMAINS))
        keep_domains_at_end();
    vpci_rules.device = variant_active(VARIANT_VPCI_DEVICE_5) ? 5 : 0;
    if (variant_active(VARIANT_VPCI_1_1))
        vpci_rules.last_version = VPCI_VERSION_1_1;
    vpci_rules.names_last_version = !variant_active(VARIANT_VPCI_VERSION_ECHOED);
    vpci_rules.relations_at_d0 = !variant_active(VARIANT_VPCI_RELATIONS_ONCE);
    if (variant_active(VARIANT_VPCI_BARS_UNREADABLE)) {
        usual_read = vpci_rules.config_read;
        vpci_rules.config_read = read_without_bars;
    }
}
