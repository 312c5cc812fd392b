/* SPDX-License-Identifier: MIT */
/* Requests on the channel of a bus, their replies, and what the host sends in between. */
#include "drivers/vmbus/messages.h"
#include "drivers/vpci/bus.h"
#include "kernel/time.h"
#include "lib/string.h"

#define REPLY_US time_for_answer_us(10000000u)

/* Longer than any message of a host: relations of eight functions. */
union incoming {
    uint32_t type;
    struct vpci_status_reply status;
    struct {
        struct vpci_relations header;
        union {
            struct vpci_relation first[VPCI_FUNCTIONS_PER_BUS];
            struct vpci_relation_2 second[VPCI_FUNCTIONS_PER_BUS];
        };
    } relations;
    uint8_t bytes[512];
};

/* The list is complete, whatever came before. */
static void keep_relations(struct vpci_bus *bus, const union incoming *message, size_t size)
{
    const bool second = message->type == VPCI_BUS_RELATIONS_2;
    const size_t entry =
        second ? sizeof(message->relations.second[0]) : sizeof(message->relations.first[0]);
    size_t count = message->relations.header.count;

    if (size < sizeof(message->relations.header))
        return;
    if (count > (size - sizeof(message->relations.header)) / entry)
        count = (size - sizeof(message->relations.header)) / entry;
    bus->functions = count < VPCI_FUNCTIONS_PER_BUS ? (unsigned)count : VPCI_FUNCTIONS_PER_BUS;
    for (unsigned i = 0; i < bus->functions; i++) {
        bus->function[i].relation =
            second ? message->relations.second[i].relation : message->relations.first[i];
    }
    bus->state.functions = bus->functions;
    bus->relations = message->type;
    bus->relations_came = true;
}

/* True: `head` is a completion. A broken ring is as good as silence: the request ends by its time.
 */
static bool take(struct vpci_bus *bus, struct vmbus_packet *head, union incoming *message,
                 size_t *size)
{
    memset(message, 0, sizeof(*message));
    if (vmbus_channel_take(&bus->channel, head, message, sizeof(*message), size) !=
        VMBUS_RING_PACKET) {
        vmbus_give_way();
        return false;
    }
    if (*size > sizeof(*message))
        *size = sizeof(*message);
    if (head->type == VMBUS_PACKET_DATA &&
        (message->type == VPCI_BUS_RELATIONS || message->type == VPCI_BUS_RELATIONS_2))
        keep_relations(bus, message, *size);
    return head->type == VMBUS_PACKET_COMPLETION;
}

bool vpci_request(struct vpci_bus *bus, const void *request, size_t size, void *reply,
                  size_t reply_size)
{
    const uint64_t end = time_us() + REPLY_US;
    uint64_t transaction;
    struct vmbus_packet head;
    union incoming message;
    size_t got;

    memcpy(&bus->state.message, request, sizeof(bus->state.message));
    bus->state.status = NT_STATUS_UNSUCCESSFUL;
    transaction = vmbus_channel_send(&bus->channel, request, size, true);
    while (transaction != 0 && time_us() < end) {
        if (!take(bus, &head, &message, &got) || head.transaction != transaction)
            continue;
        bus->state.status = message.status.status;
        if (got < reply_size || bus->state.status != NT_STATUS_SUCCESS)
            return false;
        memcpy(reply, &message, reply_size);
        return true;
    }
    return false;
}

bool vpci_tell(struct vpci_bus *bus, const void *message, size_t size)
{
    memcpy(&bus->state.message, message, sizeof(bus->state.message));
    return vmbus_channel_send(&bus->channel, message, size, false) != 0;
}

bool vpci_wait_for_relations(struct vpci_bus *bus)
{
    const uint64_t end = time_us() + REPLY_US;
    struct vmbus_packet head;
    union incoming message;
    size_t size;

    while (!bus->relations_came && time_us() < end)
        (void)take(bus, &head, &message, &size);
    return bus->relations_came;
}
