/* SPDX-License-Identifier: MIT */
/* RESOURCES_ASSIGNED that succeeds for an address at which the BAR is not. */
#include "abi/vpci.h"
#include "host/base/memory.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "host/vpci/bus.h"
#include "lib/bits.h"

#define ADDRESS_BITS 46u /* that the host looks at, where it cuts them off */

static void (*right_received)(void *owner, const struct ring_packet *packet);
static struct ring_packet packet_copy;

/* Success, and the BAR stays where it is. */
static bool is_overlooked(uint64_t start, uint64_t length)
{
    const struct vpci_ranges *ranges = vpci_ranges();
    const struct mmio_range *range = start > UINT32_MAX ? &ranges->high : &ranges->low;

    if (vpci_memory_contains(start, length))
        return false;
    return defect_active(DEFECT_BAR_ANYWHERE) ||
           (start < range->start && defect_active(DEFECT_BAR_BEFORE_RANGE)) ||
           (start >= range->start && defect_active(DEFECT_BAR_AFTER_RANGE)) ||
           (guest_is_ram(start, length) && defect_active(DEFECT_BAR_OVER_MEMORY));
}

/* Success, and the BAR is at another address. */
static uint64_t changed(uint64_t start, uint32_t mask)
{
    if (!vpci_bar_is_wide(mask) && defect_active(DEFECT_BAR_ADDRESS_CUT))
        start &= UINT32_MAX;
    if (defect_active(DEFECT_BAR_HIGH_BITS_CUT))
        start &= BIT(ADDRESS_BITS) - 1;
    if (defect_active(DEFECT_BAR_ROUNDED))
        start &= ~(uint64_t)UINT32_MAX | (mask & ~0xFu);
    return start;
}

static void received(void *owner, const struct ring_packet *packet)
{
    struct vpci_resources_assigned *set = (void *)packet_copy.payload;
    const struct vpci_function *function;

    packet_copy = *packet;
    function = vpci_bus_function(owner, set->slot);
    if (function && packet->size >= sizeof(*set) && set->bar[0].type == VPCI_RESOURCE_MEMORY &&
        (set->type == VPCI_RESOURCES_ASSIGNED || set->type == VPCI_RESOURCES_ASSIGNED_2)) {
        set->bar[0].start = changed(set->bar[0].start, function->bar_mask[0]);
        if (is_overlooked(set->bar[0].start, set->bar[0].length))
            set->bar[0] = (struct vpci_resource){0};
    }
    right_received(owner, &packet_copy);
}

void defects_install_bar_places(void)
{
    if (!ANY(DEFECT_BAR_ANYWHERE, DEFECT_BAR_BEFORE_RANGE, DEFECT_BAR_AFTER_RANGE,
             DEFECT_BAR_OVER_MEMORY, DEFECT_BAR_ADDRESS_CUT, DEFECT_BAR_HIGH_BITS_CUT,
             DEFECT_BAR_ROUNDED))
        return;
    right_received = vpci_service.received;
    vpci_service.received = received;
}
