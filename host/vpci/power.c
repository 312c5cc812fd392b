/* SPDX-License-Identifier: MIT */
/* The state of the functions of a bus, and their way between off and D0. */
#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/base/log.h"
#include "host/domains/domains.h"
#include "host/vdev/config_space.h"
#include "host/vpci/bus.h"
#include "host/vpci/vpci_rules.h"
#include "lib/string.h"

/* Identity, class and subsystem are words of configuration space. */
static void describe(struct vpci_function *function, uint8_t *to)
{
    const uint32_t words[] = {function->ops->read(function, CONFIG_VENDOR, 4),
                              function->ops->read(function, CONFIG_CLASS_REVISION, 4),
                              function->ops->read(function, CONFIG_SUBSYSTEM_VENDOR, 4)};
    struct vpci_relation relation = {.slot = vpci_function_slot(function),
                                     .serial = vmbus_channel_id(function->bus->channel)};

    memcpy(&relation, words, sizeof(words));
    memcpy(to, &relation, sizeof(relation));
}

void vpci_send_relations(struct vpci_bus *bus)
{
    bool second = bus->version >= VPCI_VERSION_1_3;
    size_t entry = second ? sizeof(struct vpci_relation_2) : sizeof(struct vpci_relation);
    struct vpci_relations header = {.type = second ? VPCI_BUS_RELATIONS_2 : VPCI_BUS_RELATIONS,
                                    .count = bus->functions};
    uint8_t message[VPCI_RELATIONS_BYTES] = {0}, *to = message + sizeof(header);

    memcpy(message, &header, sizeof(header));
    for (unsigned i = 0; i < bus->functions; i++, to += entry)
        describe(&bus->function[i], to);
    vmbus_send(bus->channel, VMBUS_PACKET_DATA, 0, message, (uint32_t)(to - message));
}

static void reset(struct vpci_function *function)
{
    function->ops->reset(function);
}

static uint32_t read_config(struct vpci_function *function, unsigned offset, unsigned size)
{
    return function->ops->read(function, offset, size);
}

struct vpci_rules vpci_rules = {.last_version = VPCI_VERSION_1_4,
                                .names_last_version = true,
                                .relations_at_d0 = true,
                                .config_read = read_config,
                                .leave_domain = domains_device_reset,
                                .power_off = reset};

void vpci_power_off(struct vpci_bus *bus)
{
    bus->powered = false;
    for (unsigned i = 0; i < bus->functions; i++)
        vpci_rules.power_off(&bus->function[i]);
}

uint32_t vpci_d0_entry(struct vpci_bus *bus, uint64_t window)
{
    if (bus->powered)
        return NT_STATUS_UNSUCCESSFUL;
    if (window % VPCI_WINDOW_CONFIG != 0)
        return NT_STATUS_INVALID_PARAMETER;
    if (!vpci_memory_contains(window, VPCI_WINDOW_SIZE) || vpci_bus_of_window(window) ||
        vpci_bus_of_window(window + VPCI_WINDOW_CONFIG))
        return NT_STATUS_CONFLICTING_ADDRESSES;
    bus->powered = true;
    bus->window = window;
    bus->selected = 0;
    host_log(LOG_INFO, "vpci: channel %u: configuration window at 0x%lx\n",
             vmbus_channel_id(bus->channel), window);
    if (vpci_rules.relations_at_d0)
        vpci_send_relations(bus); /* some guests rely on it, instead of asking */
    return NT_STATUS_SUCCESS;
}
