/* SPDX-License-Identifier: MIT */
/* A virtual function has a header without BARs and without an identity: both are those that the
 * capability of its physical function tells. */
#include "drivers/pci_sriov.h"

#include "abi/device_id.h"
#include "drivers/pci_registers.h"
#include "kernel/time.h"

#define MAKERS_MAX 8u
#define READY_US   200000u /* the specification gives a function 100 ms */

/* Functions that have virtual ones of ours. */
static struct {
    struct {
        uint16_t segment, bdf;
        unsigned functions;
    } list[MAKERS_MAX];
    unsigned count;
} makers;

/* With the virtual functions off. `bar` is the offset of their BAR 0. */
static uint64_t size_of(const struct pci_function *f, unsigned bar)
{
    uint32_t old = pci_read32(f, bar), mask;

    pci_write32(f, bar, UINT32_MAX);
    mask = pci_read32(f, bar) & PCI_BAR_ADDRESS_MASK;
    pci_write32(f, bar, old);
    return ~(uint64_t)(mask | UINT64_C(0xFFFFFFFF) << 32) + 1;
}

static uint64_t address_of(const struct pci_function *f, unsigned bar)
{
    uint32_t low = pci_read32(f, bar);
    uint64_t high = (low & PCI_BAR_TYPE_MASK) == PCI_BAR_TYPE_64 ? pci_read32(f, bar + 4) : 0;

    return high << 32 | (low & PCI_BAR_ADDRESS_MASK);
}

static bool answers(const struct pci_function *f)
{
    const uint64_t end = time_us() + READY_US;

    while (pci_read32(f, PCI_CLASS_REVISION) == UINT32_MAX)
        if (time_us() > end)
            return false;
    return true;
}

/* With NumVFs written, on which the places may depend (9.3.3.9). */
static uint16_t place(const struct pci_function *physical, unsigned at, unsigned number)
{
    return (uint16_t)(physical->bdf + pci_read16(physical, at + PCI_SRIOV_OFFSET) +
                      number * pci_read16(physical, at + PCI_SRIOV_STRIDE));
}

/* The first ones, on the bus of `physical`. */
static unsigned count_known(const struct pci_function *physical, unsigned at, unsigned total,
                            bool (*is_known)(uint64_t device_id))
{
    for (unsigned i = 0; i < total; i++) {
        const uint16_t bdf = place(physical, at, i);

        if (bdf >> 8 != physical->bdf >> 8 ||
            !is_known(hv_pci_logical_device_id(physical->segment, bdf)))
            return i;
    }
    return total;
}

unsigned pci_make_virtual(const struct pci_function *physical, bool (*is_known)(uint64_t device_id),
                          struct pci_function *made)
{
    unsigned at = pci_extended_capability(physical, PCI_EXTENDED_SRIOV), total;
    uint64_t base, size;

    if (at == 0 || physical->vpci || makers.count == MAKERS_MAX ||
        (pci_read16(physical, at + PCI_SRIOV_CONTROL) & PCI_SRIOV_ENABLE) != 0)
        return 0; /* or there are some that are not ours */
    base = address_of(physical, at + PCI_SRIOV_BAR0);
    size = size_of(physical, at + PCI_SRIOV_BAR0);
    total = pci_read16(physical, at + PCI_SRIOV_TOTAL);
    total = total < PCI_VIRTUAL_MAX ? total : PCI_VIRTUAL_MAX;
    if (base == 0 || total == 0)
        return 0;
    pci_write16(physical, at + PCI_SRIOV_COUNT, (uint16_t)total);
    total = count_known(physical, at, total, is_known);
    pci_write16(physical, at + PCI_SRIOV_COUNT, (uint16_t)total);
    if (total == 0)
        return 0;
    pci_write16(physical, at + PCI_SRIOV_CONTROL, PCI_SRIOV_ENABLE | PCI_SRIOV_MEMORY);
    for (unsigned i = 0; i < total; i++) {
        made[i] = *physical;
        made[i].bdf = place(physical, at, i);
        made[i].device = pci_read16(physical, at + PCI_SRIOV_DEVICE);
        made[i].device_id = hv_pci_logical_device_id(physical->segment, made[i].bdf);
        made[i].bar0 = base + i * size;
        if (!answers(&made[i]))
            total = i;
    }
    if (total == 0)
        pci_write16(physical, at + PCI_SRIOV_CONTROL, 0);
    makers.list[makers.count].segment = physical->segment;
    makers.list[makers.count].bdf = physical->bdf;
    makers.list[makers.count++].functions = total;
    return total;
}

void pci_take_virtual_back(const struct pci_function *f)
{
    unsigned at = pci_extended_capability(f, PCI_EXTENDED_SRIOV);

    if (at != 0)
        pci_write16(f, at + PCI_SRIOV_CONTROL, 0);
}

unsigned pci_virtual_functions(const struct pci_function *f)
{
    for (unsigned i = 0; i < makers.count; i++)
        if (makers.list[i].segment == f->segment && makers.list[i].bdf == f->bdf)
            return makers.list[i].functions;
    return 0;
}
