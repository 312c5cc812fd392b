/* SPDX-License-Identifier: MIT */
/* The address space that VMBus shows to the guest: what answers there is chosen by the guest. */
#include <stddef.h>

#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/platform/mmio_ranges.h"
#include "host/vdev/bar_decode.h"
#include "host/vdev/pci_resources.h"
#include "host/vpci/bus.h"
#include "host/vpci/vpci_rules.h"

#define LOW_LENGTH  (UINT64_C(32) << 20)
#define HIGH_LENGTH (UINT64_C(128) << 20)

static struct vpci_ranges ranges;
static struct mmio_range low, high;

const struct vpci_ranges *vpci_ranges(void)
{
    return &ranges;
}

static bool contains(const struct vpci_range *range, uint64_t gpa, uint64_t length)
{
    return length != 0 && length <= range->length && gpa >= range->start &&
           gpa - range->start <= range->length - length;
}

bool vpci_memory_contains(uint64_t gpa, uint64_t length)
{
    return contains(&ranges.low, gpa, length) || contains(&ranges.high, gpa, length);
}

static struct vpci_bus *bus_of_window(uint64_t gpa)
{
    unsigned count;
    struct vpci_bus *bus = vpci_buses(&count);

    for (unsigned i = 0; i < count; i++)
        if (bus[i].powered && gpa - bus[i].window < VPCI_WINDOW_SIZE)
            return &bus[i];
    return NULL;
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
    struct vpci_bus *bus = bus_of_window(gpa);
    struct vpci_function *function;
    uint64_t value;

    if (bus) {
        function = config_target(bus, gpa, size);
        return function ? vpci_rules.config_read(function, gpa % VPCI_WINDOW_CONFIG, size)
                        : UINT64_MAX;
    }
    return machine_access(gpa, size, &value, false) ? value : bar_read(gpa, size);
}

static void write(uint64_t gpa, unsigned size, uint64_t value)
{
    struct vpci_bus *bus = bus_of_window(gpa);
    struct vpci_function *function;

    if (!bus) {
        if (!machine_access(gpa, size, &value, true))
            bar_write(gpa, size, value);
        return;
    }
    if (gpa == bus->window && size == sizeof(uint32_t))
        bus->selected = (uint32_t)value;
    function = config_target(bus, gpa, size);
    if (function)
        function->ops->write(function, gpa % VPCI_WINDOW_CONFIG, size, (uint32_t)value);
}

static void add(struct mmio_range *trap, struct vpci_range *range, uint64_t start, uint64_t length)
{
    *range = (struct vpci_range){start, length};
    *trap = (struct mmio_range){.start = start, .length = length, .read = read, .write = write};
    guest_protect(start, length, "address space of VMBus");
    mmio_add(trap);
    bar_decode_allow(start, length);
}

bool vpci_memory_init(void)
{
    uint64_t high_start = pci_find_free_range(HIGH_LENGTH),
             low_start = pci_find_free_low_range(LOW_LENGTH);

    if (high_start == 0 || low_start == 0)
        return false;
    add(&high, &ranges.high, high_start, HIGH_LENGTH);
    add(&low, &ranges.low, low_start, LOW_LENGTH);
    return true;
}
