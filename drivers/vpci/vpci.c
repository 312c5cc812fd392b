/* SPDX-License-Identifier: MIT */
#include "drivers/vpci/vpci.h"

#include "abi/device_id.h"
#include "drivers/vpci/bus.h"
#include "kernel/memory.h"
#include "lib/string.h"

static const uint8_t interface_guid[16] = VPCI_INTERFACE_GUID;

static struct {
    bool done;
    size_t count;
    struct vpci_bus *bus; /* VPCI_BUSES_MAX of them */
} vpci;

static uint64_t id_of(const struct vmbus_offer *offer)
{
    return hv_vpci_logical_device_id(offer->instance_guid, 0);
}

static bool is_new(const struct vmbus_offer *offer)
{
    for (size_t i = 0; i < vpci.count; i++)
        if (vpci.bus[i].state.device_id == id_of(offer))
            return false;
    return !offer->rescinded;
}

/* By their ids, whatever the order in which the host offers them: runs and reports can be compared.
 */
static size_t sort_offers(struct vmbus_offer **sorted)
{
    struct vmbus_offer *offer;
    size_t count = 0;

    for (unsigned n = 0;
         vpci.count + count < VPCI_BUSES_MAX && (offer = vmbus_offer(interface_guid, n)); n++) {
        size_t at = count;

        if (!is_new(offer))
            continue;
        for (; at > 0 && id_of(sorted[at - 1]) > id_of(offer); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = offer;
        count++;
    }
    return count;
}

static void bring_all_up(void)
{
    static struct vmbus_offer *offer[VPCI_BUSES_MAX];
    const size_t size = VPCI_BUSES_MAX * sizeof(*vpci.bus);
    size_t count;

    if (vmbus_init()->stage != VMBUS_CONNECTED ||
        !vmbus_wait_for_offer(interface_guid, VPCI_LATE_OFFER_US))
        return;
    vpci.bus = memory_boot_pages((size + PAGE_SIZE - 1) / PAGE_SIZE);
    memset(vpci.bus, 0, size);
    /* Others may be offered meanwhile. */
    while ((count = sort_offers(offer)) != 0) {
        for (size_t i = 0; i < count; i++) {
            struct vpci_bus *bus = &vpci.bus[vpci.count];

            bus->segment = (uint16_t)(VPCI_SEGMENT_FIRST + vpci.count++);
            bus->state.device_id = id_of(offer[i]);
            vpci_bring_up(bus, offer[i]);
        }
    }
}

size_t vpci_bus_count(void)
{
    if (!vpci.done) {
        vpci.done = true;
        bring_all_up();
    }
    return vpci.count;
}

struct vpci_bus *vpci_bus(size_t index)
{
    return &vpci.bus[index];
}

struct vmbus_offer *vpci_offer_of(const uint8_t *instance_guid)
{
    struct vmbus_offer *offer;

    for (unsigned n = 0; (offer = vmbus_offer(interface_guid, n)); n++)
        if (!offer->rescinded &&
            memcmp(offer->instance_guid, instance_guid, sizeof(offer->instance_guid)) == 0)
            return offer;
    return NULL;
}

struct vpci_state vpci_bus_state(size_t bus)
{
    return vpci.bus[bus].state;
}

const struct pci_function *vpci_function(size_t n)
{
    for (size_t i = 0; i < vpci_bus_count(); i++) {
        const struct vpci_bus *bus = &vpci.bus[i];

        if (bus->state.stage != VPCI_READY)
            continue;
        if (n < bus->functions)
            return &bus->function[n].pci;
        n -= bus->functions;
    }
    return NULL;
}

const char *vpci_stage_text(enum vpci_stage stage)
{
    switch (stage) {
    case VPCI_NOT_OPENED:
        return "channel-not-opened";
    case VPCI_NO_VERSION:
        return "no-version";
    case VPCI_NO_RELATIONS:
        return "no-relations";
    case VPCI_NO_REQUIREMENTS:
        return "no-requirements";
    case VPCI_NO_WINDOW:
        return "no-window";
    case VPCI_NO_RESOURCES:
        return "no-resources";
    case VPCI_READY:
        return "ready";
    }
    return "unknown";
}
