/* SPDX-License-Identifier: MIT */
/*
 * The window of the registers lies high in what the root bridge passes on, so that an operating
 * system that knows the bridge leaves the BARs there. Firmware hands out 64-bit addresses from the
 * bottom upwards. If the tables describe no such range, the window is below the last 16 GiB of the
 * physical address space, and below 2^46, since guests map such addresses one to one into the lower
 * half of their virtual space: the top 12 GiB of a 1 TiB space are HyperTransport's on AMD
 * processors, which QEMU honors for some models. All that BARs and bridges claim is avoided.
 */
#include "host/vdev/pci_resources.h"

#include "host/base/memory.h"
#include "host/platform/acpi.h"
#include "host/platform/pci_config.h"
#include "host/platform/pci_functions.h"
#include "host/vdev/vdev_rules.h"

#define DEVICES    32u
#define BUSES      256u
#define FIRST_BUS  0x40u
#define TOP_MARGIN (UINT64_C(16) << 30)
#define BELOW_4G   (UINT64_C(1) << 32)
#define GUESTS_MAP (UINT64_C(1) << 46)
#define TRIES      4096u

#define BAR_FIRST     0x10u
#define BAR_TYPE_MASK (3u << 1)
#define BAR_TYPE_64   (2u << 1)
#define BAR_IO        (1u << 0)
/* How much a BAR may cover: its size is not probed, as that would switch live devices off. */
#define BAR_REACH (UINT64_C(1) << 30)
/* The same of BARs below 4 GiB, of which there are no large ones but frame buffers. */
#define LOW_BAR_REACH (UINT64_C(16) << 20)
#define LOW_BAR_FIRST 0x100000u
#define LOW_END                                                                                    \
    UINT64_C(0xFC000000) /* interrupt controllers, flash memory and the like are above */
#define LOW_START UINT64_C(0x80000000)

#define BRIDGE_MEMORY           0x20u /* base 15:0, limit 31:16 */
#define BRIDGE_PREFETCH         0x24u /* base 15:0, limit 31:16 */
#define BRIDGE_PREFETCH_BASE_H  0x28u
#define BRIDGE_PREFETCH_LIMIT_H 0x2Cu
#define BRIDGE_SUBORDINATE      0x1Au

unsigned pci_find_free_devices(unsigned from, unsigned count)
{
    for (unsigned first = from; first + count <= DEVICES; first++) {
        unsigned free = 0;

        while (free < count &&
               pci_config_read16(pci_bdf(0, first + free, 0), PCI_VENDOR_ID) == PCI_VENDOR_NONE)
            free++;
        if (free == count)
            return first;
    }
    return 0;
}

static bool is_bridge(uint16_t bdf)
{
    return (pci_config_read8(bdf, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK) ==
           PCI_HEADER_TYPE_BRIDGE;
}

unsigned pci_find_free_buses(unsigned count)
{
    unsigned functions, first = FIRST_BUS;
    const struct pci_function *function = pci_functions(&functions);

    for (unsigned i = 0; i < functions; i++) {
        unsigned last = function[i].bdf >> 8;

        if (is_bridge(function[i].bdf) &&
            pci_config_read8(function[i].bdf, BRIDGE_SUBORDINATE) > last)
            last = pci_config_read8(function[i].bdf, BRIDGE_SUBORDINATE);
        if (last >= first)
            first = last + 1;
    }
    return first + count <= BUSES ? first : 0;
}

static bool overlap(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length)
{
    return a < b + b_length && b < a + a_length;
}

static bool low_bars_overlap(uint16_t bdf, uint64_t start, uint64_t length)
{
    unsigned bars = is_bridge(bdf) ? 2 : 6;

    for (unsigned i = 0; i < bars; i++) {
        uint32_t bar = pci_config_read32(bdf, BAR_FIRST + 4 * i);

        if ((bar & BAR_IO) == 0 && bar >= LOW_BAR_FIRST &&
            overlap(bar & ~0xFu, LOW_BAR_REACH, start, length))
            return true;
    }
    return false;
}

static bool low_bridge_overlaps(uint16_t bdf, uint64_t start, uint64_t length)
{
    uint32_t window = pci_config_read32(bdf, BRIDGE_MEMORY);
    uint64_t base = (window & 0xFFF0u) << 16, limit = (window & 0xFFF00000u) | 0xFFFFFu;

    return base <= limit && overlap(base, limit - base + 1, start, length);
}

static bool bars_overlap(uint16_t bdf, uint64_t start, uint64_t length)
{
    unsigned bars = is_bridge(bdf) ? 2 : 6;

    for (unsigned i = 0; i + 1 < bars; i++) {
        uint32_t low = pci_config_read32(bdf, BAR_FIRST + 4 * i);
        uint64_t base;

        if ((low & BAR_IO) || (low & BAR_TYPE_MASK) != BAR_TYPE_64)
            continue;
        i++;
        base = (uint64_t)pci_config_read32(bdf, BAR_FIRST + 4 * i) << 32 | (low & ~0xFu);
        if (base != 0 && overlap(base, BAR_REACH, start, length))
            return true;
    }
    return false;
}

static bool bridge_overlaps(uint16_t bdf, uint64_t start, uint64_t length)
{
    uint32_t low = pci_config_read32(bdf, BRIDGE_PREFETCH);
    uint64_t base = (uint64_t)pci_config_read32(bdf, BRIDGE_PREFETCH_BASE_H) << 32 | (low & 0xFFF0u)
                                                                                         << 16;
    uint64_t limit = (uint64_t)pci_config_read32(bdf, BRIDGE_PREFETCH_LIMIT_H) << 32 |
                     (low & 0xFFF00000u) | 0xFFFFFu;

    return base <= limit && overlap(base, limit - base + 1, start, length);
}

static bool occupied(uint64_t start, uint64_t length)
{
    size_t ranges;
    unsigned functions;
    const struct guest_range *ram = guest_ram(&ranges);
    const struct pci_function *function = pci_functions(&functions);

    for (size_t i = 0; i < ranges; i++)
        if (overlap(ram[i].start, ram[i].length, start, length))
            return true;
    if (guest_is_hidden(start, length))
        return true;
    for (unsigned i = 0; i < functions; i++) {
        uint16_t bdf = function[i].bdf;

        if (bars_overlap(bdf, start, length) ||
            (is_bridge(bdf) && bridge_overlaps(bdf, start, length)))
            return true;
    }
    return false;
}

/* In [from, to), as high as possible; 0: there is no room. */
static uint64_t find_downwards(uint64_t from, uint64_t to, uint64_t length)
{
    uint64_t at = to & ~(length - 1);

    for (unsigned tries = 0; tries < TRIES && at >= length && at - length >= from; tries++) {
        at -= length;
        if (!occupied(at, length))
            return at;
    }
    return 0;
}

uint64_t pci_find_free_range(uint64_t length)
{
    uint64_t limit = guest_gpa_limit();
    struct acpi_window window = acpi_pci_window();
    uint64_t end = window.start + window.length, at;

    if (limit < 2 * TOP_MARGIN)
        return 0;
    if (vdev_rules.registers_at_top)
        return find_downwards(BELOW_4G, limit - TOP_MARGIN, length);
    if (limit > GUESTS_MAP)
        limit = GUESTS_MAP;
    if (end > limit - TOP_MARGIN)
        end = limit - TOP_MARGIN;
    at = find_downwards(window.start, end, length);
    return at != 0 ? at : find_downwards(BELOW_4G, limit - TOP_MARGIN, length);
}

static bool low_occupied(uint64_t start, uint64_t length)
{
    unsigned functions;
    const struct pci_function *function = pci_functions(&functions);
    struct acpi_ecam ecam;

    if (occupied(start, length) ||
        (acpi_ecam(&ecam) &&
         overlap(ecam.base, (ecam.last_bus + UINT64_C(1)) << 20, start, length)))
        return true;
    for (unsigned i = 0; i < functions; i++) {
        uint16_t bdf = function[i].bdf;

        if (low_bars_overlap(bdf, start, length) ||
            (is_bridge(bdf) && low_bridge_overlaps(bdf, start, length)))
            return true;
    }
    return false;
}

uint64_t pci_find_free_low_range(uint64_t length)
{
    for (uint64_t at = LOW_END - length; at >= LOW_START; at -= length)
        if (!low_occupied(at, length))
            return at;
    return 0;
}
