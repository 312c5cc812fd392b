/* SPDX-License-Identifier: MIT */
/* Candidates for windows and BARs, the most trustworthy first: a, b, c, f, d of reference 1.3, or
 * what a person named.
 */
#include "drivers/vpci/bus.h"
#include "kernel/acpi.h"
#include "kernel/kernel.h"
#include "kernel/memory.h"
#include "kernel/paging.h"

#define SSDTS_MAX 32u

static struct {
    bool given;
    struct mmio_windows windows;
} override;

void vpci_override_windows(const struct mmio_windows *windows)
{
    override.given = true;
    override.windows = *windows;
}

static bool from_block(struct mmio_windows *w)
{
    const struct acpi_table *dsdt = acpi_find("DSDT", 0);
    uint64_t gpa;

    if (!dsdt || !mmio_block_address(dsdt, dsdt->length, &gpa))
        return false;
    /* Memory of the firmware's run-time services, or reserved: not mapped above 4 GiB. */
    for (uint64_t page = gpa & ~(PAGE_SIZE - 1); page < gpa + MMIO_BLOCK_SIZE; page += PAGE_SIZE)
        if (paging_get(page) == PAGING_NONE)
            paging_set(page, PAGE_SIZE, PAGING_RO);
    mmio_from_block(gpa_pointer(gpa), w);
    return true;
}

static bool from_hints(enum mmio_hint_source source, struct mmio_windows *w)
{
    const struct boot_info *info = kernel_boot_info();

    mmio_from_hints(info->mmio_hints, info->mmio_hint_count, source, w);
    return true;
}

static bool from_tables(struct mmio_windows *w)
{
    const struct acpi_table *table = acpi_find("DSDT", 0);

    if (table && mmio_from_aml(table, table->length, w))
        return true;
    for (unsigned i = 0; i < SSDTS_MAX; i++) {
        table = acpi_find("SSDT", i);
        if (!table)
            break;
        if (mmio_from_aml(table, table->length, w))
            return true;
    }
    return false;
}

static bool from_holes(struct mmio_windows *w)
{
    static struct mmio_range used[BOOT_REGIONS_MAX];
    size_t count, kept = 0;
    const struct memory_region *regions = memory_regions(&count);

    for (size_t i = 0; i < count && kept < BOOT_REGIONS_MAX; i++)
        if (regions[i].kind != MEMORY_MMIO)
            used[kept++] = (struct mmio_range){regions[i].start, regions[i].length};
    mmio_from_holes(used, kept, memory_physical_bits(), w);
    return true;
}

static bool find(unsigned n, struct vpci_place *place)
{
    struct mmio_windows *w = &place->windows;

    switch (n) {
    case 0:
        place->source = "firmware block";
        return from_block(w);
    case 1:
        place->source = "hand-off blocks";
        return from_hints(MMIO_HINT_HOB, w);
    case 2:
        place->source = "DXE services";
        return from_hints(MMIO_HINT_DXE_SERVICES, w);
    case 3:
        place->source = "ACPI resources";
        return from_tables(w);
    default:
        place->source = "holes of the memory map";
        return from_holes(w);
    }
}

#define SOURCES 5u

struct vpci_place vpci_place(unsigned n)
{
    struct vpci_place place = {{{0, 0}, {0, 0}}, NULL};

    if (override.given) {
        if (n == 0 && mmio_windows_check(&override.windows, memory_physical_bits()))
            place = (struct vpci_place){override.windows, "options"};
        return place;
    }
    for (unsigned source = 0; source < SOURCES; source++) {
        place.windows = (struct mmio_windows){{0, 0}, {0, 0}};
        if (find(source, &place) && mmio_windows_check(&place.windows, memory_physical_bits()) &&
            n-- == 0)
            return place;
    }
    place.source = NULL;
    return place;
}
