/* SPDX-License-Identifier: MIT */
#include "drivers/vpci/restart.h"

#include "abi/hypercall.h"
#include "abi/synic.h"
#include "drivers/hypercall.h"
#include "drivers/pci_registers.h"
#include "drivers/vmbus/messages.h"
#include "drivers/vpci/bus.h"
#include "kernel/memory.h"
#include "kernel/time.h"
#include "lib/string.h"

#define RING_BYTES (2u * (1u + VMBUS_CHANNEL_DATA_PAGES) * PAGE_SIZE)
#define ANSWER_US  5000u

/* FNV-1a, 64 bits, of words in place of bytes: any change is to show, no more. */
#define HASH_START 0xCBF29CE484222325ull
#define HASH_PRIME 0x100000001B3ull

static const uint8_t interface_guid[16] = VPCI_INTERFACE_GUID;

static enum { ON, ENDED, CONTACTED } connection;

static void note(struct vpci_bus *bus)
{
    bus->last = *bus->channel.offer;
    for (unsigned i = 0; i < bus->functions && bus->window; i++)
        bus->function[i].command =
            bus->let_go ? PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER
                        : (uint16_t)vpci_config_read(&bus->function[i].pci, PCI_COMMAND, 2);
    bus->window = NULL;
    bus->let_go = false;
    bus->lost = true;
    vmbus_channel_forget(&bus->channel);
}

static void note_all(void)
{
    for (size_t i = 0; i < vpci_bus_count(); i++)
        if (vpci_bus(i)->state.stage == VPCI_READY && !vpci_bus(i)->away && !vpci_bus(i)->lost)
            note(vpci_bus(i));
    connection = ENDED;
}

bool vpci_disconnect(enum vpci_end how)
{
    note_all();
    return how != VPCI_BY_UNLOAD || vmbus_stop();
}

static bool is_let_go(void)
{
    for (size_t i = 0; i < vpci_bus_count(); i++)
        if (vpci_bus(i)->let_go)
            return true;
    return false;
}

bool vpci_is_connected(void)
{
    return connection == ON && !is_let_go();
}

bool vpci_contact_again(void)
{
    if (connection == ENDED) {
        note_all();
        if (vmbus_start_again()->stage == VMBUS_CONNECTED)
            connection = CONTACTED;
    }
    return connection == CONTACTED;
}

static uint64_t hash(const void *memory)
{
    const volatile uint64_t *word = memory;
    uint64_t value = HASH_START;

    for (size_t i = 0; i < RING_BYTES / sizeof(*word); i++)
        value = (value ^ word[i]) * HASH_PRIME;
    return value;
}

bool vpci_rings_are_dead(uint64_t *device_id)
{
    static uint64_t before[VPCI_BUSES_MAX];
    const struct vpci_message query = {VPCI_QUERY_BUS_RELATIONS};
    const struct vmbus_packet head = {.type = VMBUS_PACKET_DATA,
                                      .flags = VMBUS_PACKET_FLAG_COMPLETION};

    for (size_t i = 0; i < vpci_bus_count(); i++) {
        struct vpci_bus *bus = vpci_bus(i);
        struct hv_input_signal_event signal = {.connection_id = bus->last.connection_id};

        if (!bus->lost)
            continue;
        (void)vmbus_ring_put(&bus->channel.out, &head, &query, sizeof(query));
        before[i] = hash(bus->channel.memory);
        (void)hypercall_fast(HVCALL_SIGNAL_EVENT, &signal, sizeof(signal), NULL);
    }
    time_delay_us(ANSWER_US);
    for (size_t i = 0; i < vpci_bus_count(); i++) {
        *device_id = vpci_bus(i)->state.device_id;
        if (vpci_bus(i)->lost && hash(vpci_bus(i)->channel.memory) != before[i])
            return false;
    }
    return true;
}

/* Hosts may offer one bus after the other. The time of the wait is taken off *left_us. */
static struct vmbus_offer *await_offer(const uint8_t *instance_guid, uint64_t *left_us)
{
    const uint64_t start = time_us(), end = start + *left_us;
    struct vmbus_offer *offer = vpci_offer_of(instance_guid);
    union vmbus_control message;
    uint64_t now = start;

    while (!offer && now < end) {
        (void)vmbus_wait(VMBUS_OFFER_CHANNEL, NULL, 0, &message, end - now);
        offer = vpci_offer_of(instance_guid);
        now = time_us();
    }
    *left_us = now < end ? end - now : 0;
    return offer;
}

static bool bring_back(struct vpci_bus *bus, uint64_t *left_us)
{
    struct vmbus_offer *offer = await_offer(bus->last.instance_guid, left_us);

    if (!offer)
        return false;
    bus->relations_came = false;
    vpci_bring_up(bus, offer);
    for (unsigned i = 0; i < bus->functions && bus->state.stage == VPCI_READY; i++)
        vpci_config_write(&bus->function[i].pci, PCI_COMMAND, 2, bus->function[i].command);
    bus->lost = bus->state.stage != VPCI_READY;
    return !bus->lost;
}

enum vpci_stage vpci_bring_back_as(const struct pci_function *f, uint32_t version,
                                   uint32_t *relations)
{
    struct vpci_bus *bus = f->vpci;
    uint64_t left_us = VPCI_NEXT_OFFER_US;

    bus->state.stage = VPCI_NOT_OPENED;
    bus->wanted = version;
    if (vpci_contact_again() && vmbus_wait_for_offer(interface_guid, VPCI_LATE_OFFER_US))
        (void)bring_back(bus, &left_us);
    bus->wanted = 0;
    *relations = bus->relations;
    connection = ENDED;
    return bus->state.stage;
}

bool vpci_is_in_reach(const struct pci_function *f)
{
    const struct vpci_bus *bus = f->vpci;

    return !bus || (bus->state.stage == VPCI_READY && !bus->away && !bus->lost && !bus->gone);
}

bool vpci_has_buses(void)
{
    for (size_t i = 0; i < vpci_bus_count(); i++)
        if (!vpci_bus(i)->gone)
            return true;
    return false;
}

unsigned vpci_give_up(void)
{
    unsigned given_up = 0;

    for (size_t i = 0; i < vpci_bus_count(); i++) {
        struct vpci_bus *bus = vpci_bus(i);

        if (bus->gone || !(bus->lost || bus->away))
            continue;
        bus->window = NULL;
        bus->gone = true;
        given_up++;
    }
    connection = ON;
    return given_up;
}

bool vpci_connect_again(uint64_t *device_id)
{
    uint64_t left_us = VPCI_NEXT_OFFER_US;
    bool good = true;

    if (connection == ON && is_let_go())
        (void)vpci_disconnect(VPCI_BY_UNLOAD); /* not answered: the next step fails */
    if (connection != ON &&
        (!vpci_contact_again() || !vmbus_wait_for_offer(interface_guid, VPCI_LATE_OFFER_US)))
        return false;
    connection = ON;
    for (size_t i = 0; i < vpci_bus_count(); i++) {
        if (vpci_bus(i)->lost && !vpci_bus(i)->gone && !bring_back(vpci_bus(i), &left_us) && good) {
            *device_id = vpci_bus(i)->state.device_id;
            good = false;
        }
    }
    return good;
}
