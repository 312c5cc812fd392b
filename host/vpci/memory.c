/* SPDX-License-Identifier: MIT */
/* The address space that VMBus shows to the guest: what answers there is chosen by the guest. */
#include <stddef.h>

#include "host/base/memory.h"
#include "host/vdev/bar_decode.h"
#include "host/vdev/pci_resources.h"
#include "host/vpci/bus.h"
#include "host/vpci/vpci_rules.h"

#define LOW_LENGTH  (UINT64_C(32) << 20)
#define HIGH_LENGTH (UINT64_C(128) << 20)

static struct vpci_ranges ranges;

const struct vpci_ranges *vpci_ranges(void)
{
    return &ranges;
}

static bool contains(const struct mmio_range *range, uint64_t gpa, uint64_t length)
{
    return length != 0 && length <= range->length && gpa >= range->start &&
           gpa - range->start <= range->length - length;
}

bool vpci_memory_contains(uint64_t gpa, uint64_t length)
{
    return contains(&ranges.low, gpa, length) || contains(&ranges.high, gpa, length);
}

/* The function whose configuration space the access is to; NULL: none, or no access that a device
 * knows. */
static struct vpci_function *config_target(struct vpci_bus *bus, uint64_t gpa, unsigned size)
{
    if (gpa - bus->window < VPCI_WINDOW_CONFIG || size > 4 || gpa % size != 0)
        return NULL;
    return vpci_bus_function(bus, bus->selected);
}

static uint64_t read(uint64_t gpa, unsigned size)
{
    struct vpci_bus *bus = vpci_bus_of_window(gpa);
    struct vpci_function *function = bus ? config_target(bus, gpa, size) : NULL;
    uint64_t value = UINT64_MAX;

    if (function)
        return vpci_rules.config_read(function, gpa % VPCI_WINDOW_CONFIG, size);
    return bus || machine_access(gpa, size, &value, false) ? value : bar_read(gpa, size);
}

static void write(uint64_t gpa, unsigned size, uint64_t value)
{
    struct vpci_bus *bus = vpci_bus_of_window(gpa);
    struct vpci_function *function = bus ? config_target(bus, gpa, size) : NULL;

    if (bus && gpa == bus->window && size == sizeof(uint32_t))
        bus->selected = (uint32_t)value;
    if (function)
        function->ops->write(function, gpa % VPCI_WINDOW_CONFIG, size, (uint32_t)value);
    else if (!bus && !machine_access(gpa, size, &value, true))
        bar_write(gpa, size, value);
}

static bool add(struct mmio_range *range, uint64_t start, uint64_t length)
{
    if (start == 0)
        return false;
    *range = (struct mmio_range){.start = start, .length = length, .read = read, .write = write};
    guest_protect(start, length, "address space of VMBus");
    mmio_add(range);
    bar_decode_allow(start, length);
    return true;
}

bool vpci_memory_init(void)
{
    return add(&ranges.high, pci_find_free_range(HIGH_LENGTH), HIGH_LENGTH) &&
           add(&ranges.low, pci_find_free_low_range(LOW_LENGTH), LOW_LENGTH);
}
