/* SPDX-License-Identifier: MIT */
/* Which buses there are, one for each device with all its functions; and how they go and come while
 * the guest runs (abi/bus_control.h). */
#include "host/vpci/bus.h"

#include <stddef.h>

#include "abi/device_id.h"
#include "abi/vmbus_ring.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/domains/domains.h"
#include "host/platform/pci_functions.h"

#define DEVICE_MASK 0xFFF8u

struct vpci_hooks vpci_hooks;

static struct {
    struct vpci_bus *bus; /* VMBUS_CHANNELS_MAX entries */
    unsigned count;
} vpci;

struct vpci_bus *vpci_bus_of_window(uint64_t gpa)
{
    for (unsigned i = 0; i < vpci.count; i++)
        if (vpci.bus[i].powered && gpa - vpci.bus[i].window < VPCI_WINDOW_SIZE)
            return &vpci.bus[i];
    return NULL;
}

struct vpci_function *vpci_bus_function(struct vpci_bus *bus, uint32_t slot)
{
    for (unsigned i = 0; i < bus->functions; i++)
        if (vpci_function_slot(&bus->function[i]) == slot)
            return &bus->function[i];
    return NULL;
}

struct vpci_function *vpci_function_find(uint64_t device_id)
{
    for (unsigned i = 0; i < vpci.count; i++)
        for (unsigned f = 0; f < vpci.bus[i].functions; f++)
            if (vpci.bus[i].function[f].device_id == device_id)
                return &vpci.bus[i].function[f];
    return NULL;
}

static struct vpci_bus *bus_of_device(uint16_t device)
{
    for (unsigned i = 0; i < vpci.count; i++)
        if ((vpci.bus[i].function[0].bdf & DEVICE_MASK) == device)
            return &vpci.bus[i];
    return &vpci.bus[vpci.count];
}

static void add_function(const struct pci_function *pci)
{
    uint16_t device = pci->bdf & DEVICE_MASK;
    uint8_t low = (uint8_t)device, high = (uint8_t)(device >> 8);
    /* Data2 and Data3, bytes 4 to 7, are what the logical device id is made of (abi/device_id.h):
     * segment 0, and the requester id. */
    const uint8_t guid[16] = {low,  high, 0x50, 0x56, 0,   0,   low, high,
                              0x90, 0x56, 'v',  'p',  'c', 'i', low, high};
    struct vpci_bus *bus = bus_of_device(device);
    struct vpci_function *function = &bus->function[bus->functions];

    if (bus == &vpci.bus[VMBUS_CHANNELS_MAX]) {
        host_log(LOG_ERROR, "vpci: no bus is left for %04x\n", pci->bdf);
        return;
    }
    *function = (struct vpci_function){.bus = bus, .bdf = pci->bdf, .device_id = pci->device_id};
    if (!(pci->emulated ? virtual_function_init(function) : machine_function_init(function)))
        return;
    if (function->device_id != hv_vpci_logical_device_id(guid, pci->bdf))
        host_panic("vpci: %04x has the id 0x%lx", pci->bdf, function->device_id);
    if (bus->functions++ == 0) {
        bus->channel = vmbus_add_channel(&vpci_service, bus, guid);
        vpci.count++;
    }
    function->ops->reset(function);
}

void vpci_create(const struct vpci_hooks *hooks)
{
    const struct pci_function *function;
    unsigned count;

    vpci_hooks = *hooks;
    if (!vpci_memory_init()) {
        host_log(LOG_ERROR, "vpci: no address space for its windows\n");
        return;
    }
    /* One more than can be used, so that a search always ends in an entry. */
    vpci.bus = host_pages_for((VMBUS_CHANNELS_MAX + 1) * sizeof(*vpci.bus));
    function = pci_functions(&count);
    for (unsigned i = 0; i < count; i++)
        if (device_find(function[i].device_id))
            add_function(&function[i]);
    host_log(LOG_INFO, "%u vPCI buses, windows from 0x%lx and 0x%lx on\n", vpci.count,
             vpci_ranges()->low.start, vpci_ranges()->high.start);
}

static bool eject(const struct vpci_function *function)
{
    struct vpci_slot_message message = {.type = VPCI_EJECT, .slot = vpci_function_slot(function)};

    return function->bus->powered &&
           vmbus_send(function->bus->channel, VMBUS_PACKET_DATA, 0, &message, sizeof(message));
}

enum hv_status vpci_control(const struct bus_control_input *input)
{
    const struct vpci_function *function = vpci_function_find(input->device_id);
    bool done;

    if (!function)
        return HV_STATUS_INVALID_DEVICE_ID;
    if (input->reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    switch (input->action) {
    case BUS_CONTROL_EJECT:
        done = eject(function);
        break;
    case BUS_CONTROL_RESCIND:
        done = vmbus_rescind(function->bus->channel);
        break;
    case BUS_CONTROL_OFFER:
        done = vmbus_offer_again(function->bus->channel);
        break;
    default:
        return HV_STATUS_INVALID_PARAMETER;
    }
    return done ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_DEVICE_STATE;
}
