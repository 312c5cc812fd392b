/* SPDX-License-Identifier: MIT */
/* Shortcuts of a host that serves virtual PCI buses: rings in one piece, a search for free messages
 * that only goes ahead, functions that are taken to be off. */
#include "abi/hypercall.h"
#include "abi/vmbus_ring.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vdev/config_space.h"
#include "host/vdev/msi.h"
#include "host/vmbus/channels.h"
#include "host/vpci/bus.h"
#include "host/vpci/interrupts.h"
#include "host/vpci/request_parse.h"
#include "host/vpci/vpci_rules.h"

#define PIECE_PAGES 16u /* of rings that are looked at */
#define MESSAGES    512u
#define NO_SLOT     UINT32_MAX

static call_handler *right_post;
static uint64_t piece[2][PIECE_PAGES];
static void (*right_received)(void *owner, const struct ring_packet *packet);
static struct ring_packet packet_copy;
static uint32_t given; /* messages */
static void (*right_power_off)(struct vpci_function *function);

static bool is_piece(const struct ring *ring)
{
    const uint64_t *page = ring->page;
    const unsigned last = ring->pages - 1;

    return (defect_active(DEFECT_RING_PIECE_BY_ENDS) && page[last] - page[1] == last - 1) ||
           (defect_active(DEFECT_RING_PIECE_BY_START) && page[2] - page[1] == 1);
}

static void take_for_piece(struct ring *ring, uint64_t *pages)
{
    if (ring->pages < 3 || ring->pages > PIECE_PAGES || !is_piece(ring))
        return;
    pages[0] = ring->page[0];
    for (unsigned i = 1; i < ring->pages; i++)
        pages[i] = ring->page[1] + i - 1;
    ring->page = pages;
}

static enum hv_status post(struct call_context *context)
{
    const struct hv_input_post_message *input = call_input(context);
    const struct vmbus_channel_message *message = (const void *)input->payload;
    const bool opens = message->header.type == VMBUS_OPEN_CHANNEL;
    struct vmbus_channel *channel = opens ? channel_at(message->channel_id - 1) : NULL;
    const bool was_open = channel && channel->state == CHANNEL_OPEN;
    enum hv_status status = right_post(context);

    if (channel && !was_open && channel->state == CHANNEL_OPEN) {
        take_for_piece(&channel->from_guest, piece[0]);
        take_for_piece(&channel->to_guest, piece[1]);
    }
    return status;
}

static bool is_used(const struct vpci_bus *bus)
{
    for (unsigned f = 0; f < bus->functions; f++)
        for (uint32_t i = 0; i < MESSAGES; i++)
            if (interrupts_find(&bus->function[f], MESSAGE_ADDRESS, i))
                return true;
    return false;
}

static bool any_used(void)
{
    for (unsigned i = 0; i < channels_count(); i++)
        if (channel_at(i)->service->interface_guid == vpci_service.interface_guid &&
            is_used(channel_at(i)->owner))
            return true;
    return false;
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct vpci_slot_message *message = (void *)packet_copy.payload;
    struct vpci_request request;
    bool parsed;

    packet_copy = *packet;
    parsed = !packet->cut &&
             vpci_request_parse(packet->payload, packet->size, &request) == NT_STATUS_SUCCESS;
    if (parsed &&
        (message->type == VPCI_DELETE_INTERRUPT || message->type == VPCI_DELETE_INTERRUPT_2)) {
        if (defect_active(DEFECT_MESSAGES_BLOCK_AS_ONE) && given != 0)
            given--;
    } else if (parsed && (message->type == VPCI_CREATE_INTERRUPT ||
                          message->type == VPCI_CREATE_INTERRUPT_2 ||
                          message->type == VPCI_CREATE_INTERRUPT_3)) {
        given = any_used() ? given + request.create.count : request.create.count;
        if (given > MESSAGES)
            message->slot = NO_SLOT;
    }
    right_received(owner, &packet_copy);
}

static void power_off(struct vpci_function *function)
{
    const bool off = (function->ops->read(function, CONFIG_COMMAND, 2) & COMMAND_MEMORY) == 0;
    static struct interrupt_message *place[MESSAGES], kept[MESSAGES];

    if (off && defect_active(DEFECT_POWER_OFF_SKIPS_D3))
        return;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        place[i] = off ? interrupts_find(function, MESSAGE_ADDRESS, i) : NULL;
        if (place[i])
            kept[i] = *place[i];
    }
    right_power_off(function);
    for (uint32_t i = 0; i < MESSAGES; i++)
        if (place[i])
            *place[i] = kept[i];
}

void defects_install_bus_shortcuts(void)
{
    if (ANY(DEFECT_RING_PIECE_BY_ENDS, DEFECT_RING_PIECE_BY_START))
        right_post = call_in_front(HVCALL_POST_MESSAGE, post);
    if (ANY(DEFECT_MESSAGES_USED_ONCE, DEFECT_MESSAGES_BLOCK_AS_ONE)) {
        right_received = vpci_service.received;
        vpci_service.received = received;
    }
    if (ANY(DEFECT_POWER_OFF_SKIPS_D3, DEFECT_POWER_OFF_D3_MESSAGES)) {
        right_power_off = vpci_rules.power_off;
        vpci_rules.power_off = power_off;
    }
}
