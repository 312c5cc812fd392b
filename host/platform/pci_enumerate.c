/* SPDX-License-Identifier: MIT */
/*
 * Which functions there are, and which of them a guest may manage. Left out are
 *   - bridges: they issue no DMA of their own;
 *   - storage except for NVMe: QEMU's AHCI model translates its command list once and keeps the
 * host pointer, so that no later switch reaches it, and the boot disk hangs off it;
 *   - displays: the firmware's console may still use them;
 *   - virtio: its DMA passes the IOMMU by unless the driver negotiates otherwise, which the host
 * cannot know;
 *   - functions behind a conventional PCI bridge: they share one requester id and cannot be told
 * apart.
 */
#include "abi/device_id.h"
#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/platform/acpi.h"
#include "host/platform/pci_config.h"
#include "host/platform/pci_functions.h"
#include "lib/bits.h"

#define SEGMENT              0u
#define DEVICES_PER_BUS      32u
#define FUNCTIONS_PER_DEVICE 8u
#define BUSES                256u
#define CAPABILITIES_MAX     48u /* as many as fit in configuration space: ends a cyclic list */

static struct {
    struct pci_function *function;
    unsigned count;
    bool visited[BUSES];
} pci;

unsigned pci_find_capability(uint16_t bdf, uint8_t id)
{
    uint8_t offset = pci_config_read8(bdf, PCI_CAPABILITY_LIST) & 0xFCu;

    if ((pci_config_read16(bdf, PCI_STATUS) & PCI_STATUS_CAPABILITIES) == 0)
        return 0;
    for (unsigned i = 0; offset != 0 && i < CAPABILITIES_MAX; i++) {
        if (pci_config_read8(bdf, offset) == id)
            return offset;
        offset = pci_config_read8(bdf, offset + 1u) & 0xFCu;
    }
    return 0;
}

/* Flags word of the PCI Express capability; 0 when the function is a conventional one (version 0
 * does not exist). */
static unsigned express_flags(uint16_t bdf)
{
    unsigned express = pci_find_capability(bdf, PCI_CAPABILITY_EXPRESS);

    return express != 0 ? pci_config_read16(bdf, express + 2) : 0;
}

static bool manageable(uint16_t bdf)
{
    uint8_t class = pci_config_read8(bdf, PCI_CLASS);

    if (class == PCI_CLASS_STORAGE && pci_config_read8(bdf, PCI_SUBCLASS) == PCI_SUBCLASS_NVME)
        return true;
    return class != PCI_CLASS_BRIDGE && class != PCI_CLASS_STORAGE && class != PCI_CLASS_DISPLAY &&
           pci_config_read16(bdf, PCI_VENDOR_ID) != PCI_VENDOR_VIRTIO;
}

/* Source id of all functions of a bus behind a conventional bridge (VT-d 3.4.1), or ALIAS_NONE. */
#define ALIAS_NONE UINT32_MAX

static void scan_bus(unsigned bus, uint32_t alias);

static void scan_bridge(uint16_t bdf, uint32_t alias)
{
    unsigned secondary = pci_config_read8(bdf, PCI_SECONDARY_BUS);
    unsigned flags;

    if (secondary == 0 || pci.visited[secondary])
        return;
    flags = express_flags(bdf);
    if (alias == ALIAS_NONE && flags == 0)
        alias = bdf;
    else if (alias == ALIAS_NONE &&
             (flags >> PCI_EXPRESS_TYPE_SHIFT & PCI_EXPRESS_TYPE_MASK) == PCI_EXPRESS_TO_PCI_BRIDGE)
        alias = pci_bdf(secondary, 0, 0);
    scan_bus(secondary, alias);
}

void pci_function_add(const struct pci_function *function)
{
    if (pci.count == PCI_FUNCTIONS_MAX)
        host_panic("more than %u PCI functions", PCI_FUNCTIONS_MAX);
    pci.function[pci.count++] = *function;
}

static enum pci_chipset chipset_of(uint16_t bdf)
{
    if (pci_config_read8(bdf, PCI_CLASS) != PCI_CLASS_BRIDGE)
        return PCI_CHIPSET_NONE;
    switch (pci_config_read8(bdf, PCI_SUBCLASS)) {
    case PCI_SUBCLASS_HOST:
        return PCI_CHIPSET_HOST;
    case PCI_SUBCLASS_ISA:
        return PCI_CHIPSET_ISA;
    default:
        return PCI_CHIPSET_NONE;
    }
}

static void add_function(uint16_t bdf, uint32_t alias)
{
    bool bridge =
        (pci_config_read8(bdf, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK) == PCI_HEADER_TYPE_BRIDGE;

    pci_function_add(&(struct pci_function){
        .device_id = hv_pci_logical_device_id(SEGMENT, bdf),
        .bdf = bdf,
        .requester = alias == ALIAS_NONE ? bdf : (uint16_t)alias,
        .managed = alias == ALIAS_NONE && !bridge && manageable(bdf),
        .chipset = chipset_of(bdf),
    });
    host_log(LOG_TRACE, "pci %02x:%02x.%u %08x%s\n", bdf >> 8, bdf >> 3 & 0x1Fu, bdf & 7u,
             pci_config_read32(bdf, PCI_VENDOR_ID),
             pci.function[pci.count - 1].managed ? " managed" : "");
    if (bridge)
        scan_bridge(bdf, alias);
}

static void scan_bus(unsigned bus, uint32_t alias)
{
    pci.visited[bus] = true;
    for (unsigned device = 0; device < DEVICES_PER_BUS; device++) {
        for (unsigned function = 0; function < FUNCTIONS_PER_DEVICE; function++) {
            uint16_t bdf = pci_bdf(bus, device, function);

            if (pci_config_read16(bdf, PCI_VENDOR_ID) != PCI_VENDOR_NONE)
                add_function(bdf, alias);
            else if (function == 0)
                break;
            if (function == 0 &&
                (pci_config_read8(bdf, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MULTI_FUNCTION) == 0)
                break;
        }
    }
}

const struct pci_function *pci_enumerate(unsigned *count)
{
    if (!pci.function) {
        pci.function = host_pages(
            (PCI_FUNCTIONS_MAX * sizeof(struct pci_function) + PAGE_SIZE - 1) / PAGE_SIZE);
        scan_bus(0, ALIAS_NONE);
        for (unsigned bus = 1; bus < BUSES; bus++)
            if (acpi_is_root_bus((uint8_t)bus) && !pci.visited[bus])
                scan_bus(bus, ALIAS_NONE);
    }
    return pci_functions(count);
}

const struct pci_function *pci_functions(unsigned *count)
{
    *count = pci.count;
    return pci.function;
}

const struct pci_function *pci_function_find(uint64_t device_id)
{
    for (unsigned i = 0; i < pci.count; i++)
        if (pci.function[i].device_id == device_id)
            return &pci.function[i];
    return NULL;
}
