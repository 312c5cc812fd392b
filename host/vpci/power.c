/* SPDX-License-Identifier: MIT */
/* The state of the functions of a bus, and their way between off and D0. */
#include "abi/vmbus.h"
#include "abi/vmbus_ring.h"
#include "host/base/log.h"
#include "host/domains/domains.h"
#include "host/vdev/config_space.h"
#include "host/vpci/bus.h"
#include "host/vpci/vpci_rules.h"

struct relations {
    struct vpci_relations header;
    union {
        struct vpci_relation first[VPCI_FUNCTIONS_PER_BUS];
        struct vpci_relation_2 second[VPCI_FUNCTIONS_PER_BUS];
    };
};

_Static_assert(sizeof(struct relations) == VPCI_RELATIONS_BYTES,
               "room for the relations of a full bus");

static struct vpci_relation relation(const struct vpci_bus *bus, struct vpci_function *function)
{
    const struct vpci_function_ops *ops = function->ops;
    uint32_t class_code = ops->read(function, CONFIG_CLASS_REVISION, 4);

    return (struct vpci_relation){
        .vendor = (uint16_t)ops->read(function, CONFIG_VENDOR, 2),
        .device = (uint16_t)ops->read(function, CONFIG_DEVICE, 2),
        .revision = (uint8_t)class_code,
        .interface = (uint8_t)(class_code >> 8),
        .subclass = (uint8_t)(class_code >> 16),
        .class_code = (uint8_t)(class_code >> 24),
        .subsystem_vendor = (uint16_t)ops->read(function, CONFIG_SUBSYSTEM_VENDOR, 2),
        .subsystem = (uint16_t)ops->read(function, CONFIG_SUBSYSTEM, 2),
        .slot = vpci_function_slot(function),
        .serial = vmbus_channel_id(bus->channel),
    };
}

static void send_relations(struct vpci_bus *bus)
{
    bool second = bus->version >= VPCI_VERSION_1_3;
    struct relations message = {
        {.type = second ? VPCI_BUS_RELATIONS_2 : VPCI_BUS_RELATIONS, .count = bus->functions},
        {{{0}}}};
    size_t entry = second ? sizeof(message.second[0]) : sizeof(message.first[0]);

    for (unsigned i = 0; i < bus->functions; i++) {
        struct vpci_relation *to = second ? &message.second[i].relation : &message.first[i];

        *to = relation(bus, &bus->function[i]);
    }
    vmbus_send(bus->channel, VMBUS_PACKET_DATA, 0, &message,
               (uint32_t)(sizeof(message.header) + bus->functions * entry));
}

void vpci_send_relations(struct vpci_bus *bus)
{
    send_relations(bus);
    if (vpci_rules.relations_at == VPCI_RELATIONS_TWICE)
        send_relations(bus);
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
                                .relations_at = VPCI_RELATIONS_ON_QUERY_AND_D0,
                                .config_read = read_config,
                                .leave_domain = domains_device_reset,
                                .power_off = reset};

void vpci_power_off(struct vpci_bus *bus)
{
    bus->powered = false;
    for (unsigned i = 0; i < bus->functions; i++)
        vpci_rules.power_off(&bus->function[i]);
}

static bool overlaps_another(const struct vpci_bus *bus, uint64_t window)
{
    unsigned count;
    const struct vpci_bus *other = vpci_buses(&count);

    for (unsigned i = 0; i < count; i++)
        if (&other[i] != bus && other[i].powered && window < other[i].window + VPCI_WINDOW_SIZE &&
            other[i].window < window + VPCI_WINDOW_SIZE)
            return true;
    return false;
}

uint32_t vpci_d0_entry(struct vpci_bus *bus, uint64_t window)
{
    if (bus->powered)
        return NT_STATUS_UNSUCCESSFUL;
    if (window % VPCI_WINDOW_CONFIG != 0)
        return NT_STATUS_INVALID_PARAMETER;
    if (!vpci_memory_contains(window, VPCI_WINDOW_SIZE) || overlaps_another(bus, window))
        return NT_STATUS_CONFLICTING_ADDRESSES;
    bus->powered = true;
    bus->window = window;
    bus->selected = 0;
    host_log(LOG_INFO, "vpci: channel %u: configuration window at 0x%lx\n",
             vmbus_channel_id(bus->channel), window);
    if (vpci_rules.relations_at != VPCI_RELATIONS_ON_QUERY)
        vpci_send_relations(bus); /* some guests rely on it, instead of asking */
    return NT_STATUS_SUCCESS;
}
