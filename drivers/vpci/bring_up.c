/* SPDX-License-Identifier: MIT */
/* From an offer to a bus whose functions have addresses (reference 5.8): the order that every known
 * host accepts. */
#include "abi/device_id.h"
#include "drivers/pci_registers.h"
#include "drivers/vpci/bus.h"
#include "kernel/boot_info.h"
#include "kernel/kernel.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "lib/bits.h"
#include "lib/string.h"

#define MASK_TYPE     0xFull
#define IS_64(mask)   (((mask)&PCI_BAR_TYPE_MASK) == PCI_BAR_TYPE_64)
#define IS_PORT(mask) (((mask)&PCI_BAR_IO) != 0)

static const uint32_t versions[] = {VPCI_VERSION_1_4, VPCI_VERSION_1_3, VPCI_VERSION_1_2,
                                    VPCI_VERSION_1_1};

/* The rest of the place that worked, for all buses. */
static struct {
    bool chosen;
    struct vpci_place place;
} space;

static bool agree_on_version(struct vpci_bus *bus)
{
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct vpci_version_query query = {VPCI_QUERY_PROTOCOL_VERSION, versions[i]};
        struct vpci_version_reply reply;

        if (bus->wanted != 0 && bus->wanted != versions[i])
            continue;
        bus->state.version = versions[i];
        if (vpci_request(bus, &query, sizeof(query), &reply, sizeof(reply.status)))
            return true;
        /* Any other failure is final (reference 5.4). */
        if (bus->state.status != NT_STATUS_REVISION_MISMATCH)
            return false;
    }
    return false;
}

static bool get_relations(struct vpci_bus *bus)
{
    const struct vpci_message query = {VPCI_QUERY_BUS_RELATIONS};

    return vpci_tell(bus, &query, sizeof(query)) && vpci_wait_for_relations(bus) &&
           bus->functions > 0;
}

static bool ask_requirements(struct vpci_bus *bus, const struct vpci_function *f,
                             struct vpci_requirements_reply *reply)
{
    struct vpci_slot_message query = {VPCI_QUERY_RESOURCE_REQUIREMENTS, f->relation.slot};

    return vpci_request(bus, &query, sizeof(query), reply, sizeof(*reply));
}

bool vpci_round_trip(const struct pci_function *pci)
{
    struct vpci_bus *bus = pci->vpci;
    struct vpci_requirements_reply reply;

    return ask_requirements(bus, &bus->function[0], &reply);
}

static bool get_requirements(struct vpci_bus *bus)
{
    for (unsigned i = 0; i < bus->functions; i++) {
        struct vpci_function *f = &bus->function[i];
        struct vpci_requirements_reply reply;

        if (!ask_requirements(bus, f, &reply))
            return false;
        memcpy(f->bar_mask, reply.mask, sizeof(f->bar_mask));
    }
    return true;
}

static bool enter_d0_at(struct vpci_bus *bus, uint64_t window)
{
    struct vpci_d0_entry entry = {.type = VPCI_BUS_D0_ENTRY, .window = window};
    struct vpci_status_reply reply;

    bus->state.window = window;
    return vpci_request(bus, &entry, sizeof(entry), &reply, sizeof(reply.status));
}

/* Something before us may have left the bus in D0, with resources: the firmware, a kernel that
 * crashed, or a channel that was closed so. */
static void give_everything_back(struct vpci_bus *bus)
{
    const struct vpci_message leave = {VPCI_BUS_D0_EXIT};
    struct vpci_status_reply reply;

    for (unsigned i = 0; i < bus->functions; i++) {
        struct vpci_slot_message released = {VPCI_RESOURCES_RELEASED,
                                             bus->function[i].relation.slot};

        (void)vpci_tell(bus, &released, sizeof(released));
    }
    (void)vpci_request(bus, &leave, sizeof(leave), &reply, sizeof(reply.status));
}

static bool enter_d0_after(struct vpci_bus *bus, uint64_t window)
{
    if (enter_d0_at(bus, window))
        return true;
    give_everything_back(bus);
    return enter_d0_at(bus, window);
}

/* In the high range, since the low one begins with the frame buffer. */
static uint64_t take_window(struct mmio_windows *from)
{
    const struct mmio_range none = {0, 0};
    uint64_t window = mmio_take(&from->high, VPCI_WINDOW_SIZE, &none);

    return window != 0 ? window
                       : mmio_take(&from->low, VPCI_WINDOW_SIZE, &kernel_boot_info()->frame_buffer);
}

static bool try_place(struct vpci_bus *bus, struct vpci_place *place)
{
    uint64_t window = take_window(&place->windows);

    bus->state.source = place->source;
    return window != 0 && enter_d0_after(bus, window);
}

static bool enter_d0(struct vpci_bus *bus)
{
    bool entered = false;

    if (bus->placed)
        return enter_d0_after(bus, bus->state.window);
    entered = space.chosen && try_place(bus, &space.place);
    for (unsigned i = 0; !space.chosen && !entered; i++) {
        struct vpci_place place = vpci_place(i);

        if (!place.source)
            return false;
        entered = try_place(bus, &place);
        if (entered) {
            space.chosen = true;
            space.place = place;
        }
    }
    return entered;
}

static uint64_t bar_size(const struct vpci_function *f, unsigned index)
{
    uint64_t mask = f->bar_mask[index] & ~MASK_TYPE;

    mask |= IS_64(f->bar_mask[index]) && index + 1 < VPCI_BARS
                ? (uint64_t)f->bar_mask[index + 1] << 32
                : 0xFFFFFFFFull << 32;
    return ~mask + 1;
}

/* Whole pages: a guest maps no less, and what shares a page would be reached with it. */
static uint64_t take_bar(uint64_t size, bool wide)
{
    struct mmio_windows *windows = &space.place.windows;
    const struct mmio_range none = {0, 0};
    uint64_t start;

    size = size < PAGE_SIZE ? PAGE_SIZE : size;
    start = wide ? mmio_take(&windows->high, size, &none) : 0;
    return start != 0 ? start : mmio_take(&windows->low, size, &kernel_boot_info()->frame_buffer);
}

static struct vpci_resource memory_resource(uint64_t start, uint64_t length)
{
    struct vpci_resource r = {
        .type = VPCI_RESOURCE_MEMORY, .start = start, .length = (uint32_t)length};

    if (length > UINT32_MAX) {
        r.type = VPCI_RESOURCE_LARGE_MEMORY;
        r.flags = VPCI_RESOURCE_LENGTH_64;
        r.length = (uint32_t)(length >> 32);
    }
    return r;
}

/* Of a bus that was there before; 0 for a new one. */
static uint64_t placed_at(const struct vpci_function *f, unsigned index, bool wide)
{
    return (f->bar[index] & PCI_BAR_ADDRESS_MASK) | (wide ? (uint64_t)f->bar[index + 1] << 32 : 0);
}

static bool place_bars(struct vpci_function *f, struct vpci_resource *resources)
{
    for (unsigned i = 0; i < VPCI_BARS; i++) {
        const uint32_t mask = f->bar_mask[i];
        const bool wide = IS_64(mask) && i + 1 < VPCI_BARS;
        uint64_t start;

        if (mask == 0 || IS_PORT(mask))
            continue;
        start = placed_at(f, i, wide);
        if (start == 0)
            start = take_bar(bar_size(f, i), wide);
        if (start == 0)
            return false;
        resources[i] = memory_resource(start, bar_size(f, i));
        f->bar[i] = (uint32_t)start | (mask & (uint32_t)MASK_TYPE);
        if (wide)
            f->bar[++i] = (uint32_t)(start >> 32);
    }
    return true;
}

/* Room for one interrupt resource, though there is none: hosts insist on it. */
static bool assign(struct vpci_bus *bus, const struct vpci_function *f,
                   const struct vpci_resource *resources)
{
    struct {
        struct vpci_resources_assigned head;
        uint8_t interrupt[VPCI_INTERRUPT_RESOURCE_SIZE_2];
    } message = {.head = {.slot = f->relation.slot}};
    struct vpci_status_reply reply;
    size_t size = sizeof(message.head) + VPCI_INTERRUPT_RESOURCE_SIZE_2;

    message.head.type = VPCI_RESOURCES_ASSIGNED_2;
    if (bus->state.version < VPCI_VERSION_1_2) {
        message.head.type = VPCI_RESOURCES_ASSIGNED;
        size = sizeof(message.head) + VPCI_INTERRUPT_RESOURCE_SIZE;
    }
    if (resources)
        memcpy(message.head.bar, resources, sizeof(message.head.bar));
    return vpci_request(bus, &message, size, &reply, sizeof(reply.status));
}

static bool power_on(struct vpci_bus *bus, const struct vpci_function *f)
{
    const struct vpci_power_state_change change = {VPCI_POWER_STATE_CHANGE, f->relation.slot,
                                                   VPCI_POWER_D0};
    struct vpci_status_reply reply;

    return vpci_request(bus, &change, sizeof(change), &reply, sizeof(reply.status));
}

/* The way of Linux, for a host that does not take addresses from a message: BARs by configuration
 * writes, while memory decoding is off. */
static bool write_bars(struct vpci_bus *bus, const struct vpci_function *f)
{
    if (!assign(bus, f, NULL))
        return false;
    vpci_config_write(&f->pci, PCI_COMMAND, 2, 0);
    for (unsigned i = 0; i < VPCI_BARS; i++)
        if (f->bar_mask[i] != 0 || (i > 0 && IS_64(f->bar_mask[i - 1])))
            vpci_config_write(&f->pci, PCI_BAR0 + 4 * i, 4, f->bar[i]);
    return true;
}

static bool give_resources(struct vpci_bus *bus, struct vpci_function *f)
{
    struct vpci_resource resources[VPCI_BARS] = {{0}};

    if (!place_bars(f, resources))
        return false;
    return (assign(bus, f, resources) && power_on(bus, f)) || write_bars(bus, f);
}

static void describe(struct vpci_bus *bus, struct vpci_function *f, uint16_t segment)
{
    const struct vpci_relation *r = &f->relation;
    const unsigned device = r->slot & VPCI_SLOT_DEVICE_MASK;
    const unsigned function = (r->slot & VPCI_SLOT_FUNCTION_MASK) >> VPCI_SLOT_FUNCTION_SHIFT;

    f->pci = (struct pci_function){
        .segment = segment,
        .bdf = (uint16_t)(device << 3 | function),
        .vendor = r->vendor,
        .device = r->device,
        .class_code = (uint32_t)r->class_code << 16 | (uint32_t)r->subclass << 8 | r->interface,
        .device_id = hv_vpci_logical_device_id(bus->channel.offer->instance_guid, function),
        .vpci = bus,
    };
}

uint64_t vpci_space_for_bar(const struct vpci_function *f, bool wide)
{
    return take_bar(bar_size(f, 0), wide);
}

uint64_t vpci_space_for_window(void)
{
    return take_window(&space.place.windows);
}

bool vpci_resume(struct vpci_bus *bus)
{
    bool good = enter_d0_at(bus, bus->state.window);

    bus->window = good ? paging_map_mmio(bus->state.window, VPCI_WINDOW_SIZE) : NULL;
    for (unsigned i = 0; i < bus->functions && good; i++)
        good = give_resources(bus, &bus->function[i]);
    return good;
}

static enum vpci_stage bring_up(struct vpci_bus *bus, struct vmbus_offer *offer)
{
    if (!vmbus_channel_open(&bus->channel, offer))
        return VPCI_NOT_OPENED;
    if (!agree_on_version(bus))
        return VPCI_NO_VERSION;
    if (!get_relations(bus))
        return VPCI_NO_RELATIONS;
    if (!get_requirements(bus))
        return VPCI_NO_REQUIREMENTS;
    if (!enter_d0(bus))
        return VPCI_NO_WINDOW;
    bus->window = paging_map_mmio(bus->state.window, VPCI_WINDOW_SIZE);
    for (unsigned i = 0; i < bus->functions; i++) {
        struct vpci_function *f = &bus->function[i];

        describe(bus, f, bus->segment);
        if (!give_resources(bus, f))
            return VPCI_NO_RESOURCES;
        f->pci.header_type = vpci_config_read(&f->pci, PCI_HEADER_TYPE, 1) & 0xFFu;
    }
    bus->placed = true;
    return VPCI_READY;
}

void vpci_bring_up(struct vpci_bus *bus, struct vmbus_offer *offer)
{
    bus->state.stage = bring_up(bus, offer);
}
