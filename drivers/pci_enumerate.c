/* SPDX-License-Identifier: MIT */
/*
 * Finds every function that firmware has set up, by following the bridges from bus 0 and from the
 * root buses that the DSDT names (expander bridges). A blind read of all 256 buses would cost
 * hundreds of milliseconds under emulation; buses that exist are few.
 */
#include "drivers/pci.h"

#include "abi/device_id.h"
#include "drivers/pci_ecam.h"
#include "drivers/pci_registers.h"
#include "drivers/pci_sriov.h"
#include "drivers/vpci/vpci.h"
#include "kernel/acpi.h"
#include "kernel/memory.h"
#include "lib/string.h"

#define BUSES 256

struct bus {
    uint16_t segment;
    uint8_t number;
    bool one_device; /* below a PCI Express port only device 0 can exist (without ARI) */
};

struct enumeration {
    struct pci_function functions[PCI_FUNCTIONS_MAX];
    size_t count;
    struct bus queue[BUSES];
    size_t queued;
};

static void add_bus(struct enumeration *e, struct bus bus)
{
    for (size_t i = 0; i < e->queued; i++)
        if (e->queue[i].segment == bus.segment && e->queue[i].number == bus.number)
            return; /* a bridge that was left unconfigured, or points back at its parent */
    if (e->queued < BUSES)
        e->queue[e->queued++] = bus;
}

static void follow_bridge(struct enumeration *e, const struct pci_function *f)
{
    uint8_t secondary = pci_read8(f, PCI_SECONDARY_BUS);
    unsigned express = pci_capability(f, PCI_CAPABILITY_EXPRESS);
    unsigned type = 0;

    if (secondary <= f->bdf >> 8)
        return; /* buses are numbered downwards; 0 means that firmware did not set the bridge up */
    if (express != 0)
        type = PCI_EXPRESS_TYPE(pci_read16(f, express + PCI_EXPRESS_FLAGS));
    add_bus(e, (struct bus){.segment = f->segment,
                            .number = secondary,
                            .one_device =
                                type == PCI_EXPRESS_ROOT_PORT || type == PCI_EXPRESS_DOWNSTREAM});
}

/* False when nothing answers at this function number. */
static bool add_function(struct enumeration *e, struct bus bus, unsigned device, unsigned function,
                         bool *multifunction)
{
    struct pci_function f = {.segment = bus.segment,
                             .bdf = (uint16_t)((unsigned)bus.number << 8 | device << 3 | function)};
    uint32_t id = pci_read32(&f, PCI_VENDOR);

    f.vendor = (uint16_t)id;
    f.device = (uint16_t)(id >> 16);
    if (f.vendor == PCI_VENDOR_NONE)
        return false;
    f.class_code = pci_read32(&f, PCI_CLASS_REVISION) >> 8;
    f.header_type = pci_read8(&f, PCI_HEADER_TYPE);
    f.device_id = hv_pci_logical_device_id(f.segment, f.bdf);
    *multifunction = (f.header_type & PCI_HEADER_MULTIFUNCTION) != 0;
    if (e->count < PCI_FUNCTIONS_MAX)
        e->functions[e->count++] = f;
    if ((f.header_type & PCI_HEADER_LAYOUT_MASK) == PCI_HEADER_LAYOUT_BRIDGE)
        follow_bridge(e, &f);
    return true;
}

static void scan_bus(struct enumeration *e, struct bus bus)
{
    unsigned devices = bus.one_device ? 1 : PCI_DEVICES_PER_BUS;

    for (unsigned device = 0; device < devices; device++) {
        bool multifunction, ignored;

        if (!add_function(e, bus, device, 0, &multifunction) || !multifunction)
            continue;
        for (unsigned function = 1; function < PCI_FUNCTIONS_PER_DEVICE; function++)
            (void)add_function(e, bus, device, function, &ignored);
    }
}

static void add_root_buses(struct enumeration *e)
{
    const struct acpi_table *dsdt = acpi_find("DSDT", 0);

    if (!dsdt)
        return;
    for (uint32_t at = sizeof(*dsdt); at + sizeof(struct acpi_bus_name) <= dsdt->length; at++) {
        uint8_t bus = acpi_root_bus((const void *)((const uint8_t *)dsdt + at));

        if (bus != 0)
            add_bus(e, (struct bus){.number = bus});
    }
}

static void enumerate(struct enumeration *e)
{
    size_t segments;
    const struct pci_ecam *ecams = pci_ecams(&segments);

    for (size_t i = 0; i < segments; i++)
        add_bus(e, (struct bus){.segment = ecams[i].segment, .number = ecams[i].first_bus});
    if (segments == 0)
        add_bus(e, (struct bus){.segment = 0, .number = 0});
    add_root_buses(e);
    for (size_t i = 0; i < e->queued; i++) /* grows while bridges are found */
        scan_bus(e, e->queue[i]);
}

static void add_virtual(struct enumeration *e)
{
    const struct pci_function *f;

    for (size_t i = 0; e->count < PCI_FUNCTIONS_MAX && (f = vpci_function(i)); i++)
        e->functions[e->count++] = *f;
}

static bool (*is_wanted)(uint64_t device_id); /* NULL: no virtual function is */

void pci_want_virtual_functions(bool (*is_known)(uint64_t device_id))
{
    is_wanted = is_known;
}

static void make_virtual(struct enumeration *e)
{
    struct pci_function made[PCI_VIRTUAL_MAX];
    const size_t physical = e->count;

    for (size_t i = 0; i < physical && is_wanted; i++) {
        unsigned count = e->functions[i].class_code == PCI_CLASS_NVME
                             ? pci_make_virtual(&e->functions[i], is_wanted, made)
                             : 0;

        for (unsigned k = 0; k < count && e->count < PCI_FUNCTIONS_MAX; k++)
            e->functions[e->count++] = made[k];
    }
}

const struct pci_function *pci_functions(size_t *count)
{
    static struct enumeration *found; /* in pages that the image file need not hold */

    if (!found) {
        found = memory_boot_pages((sizeof(*found) + PAGE_SIZE - 1) / PAGE_SIZE);
        memset(found, 0, sizeof(*found));
        enumerate(found);
        make_virtual(found);
        add_virtual(found);
    }
    *count = found->count;
    return found->functions;
}
