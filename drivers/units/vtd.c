/* SPDX-License-Identifier: MIT */
/*
 * A VT-d unit that this image drives itself: scalable mode, requests without PASID, the test's own
 * tables as first stage (Intel VT-d specification 3.6, 6.5, 9). Every device has two PASID entries
 * of which one is in force, so that a switch is a single store of eight bytes.
 */
#include <stddef.h>

#include "drivers/iommu.h"
#include "drivers/pci.h"
#include "drivers/pci_registers.h"
#include "drivers/units/own_domains.h"
#include "drivers/units/vtd_dmar.h"
#include "drivers/units/vtd_unit.h"
#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "lib/fmt.h"

#define BATCH 48u /* elements, of up to two descriptors, between two waits */

/* 6.5.3.3: guidance to software for an entry that changes while it is present. */
static bool move(const struct dma_engine *e, struct own_domain *from, struct own_domain *to)
{
    struct vtd_place *place = vtd_place_of(e->function.bdf);
    const uint64_t source = (uint64_t)e->function.bdf << VTD_SOURCE_SHIFT,
                   tag = vtd_tag(from) << VTD_DOMAIN_SHIFT;

    if (!place)
        return false;
    place->in = to;
    place->now ^= 1u;
    vtd_fill_entry(place->tables[place->now], to);
    cpu_memory_barrier();
    *(volatile uint64_t *)place->directory = gpa_of(place->tables[place->now]) | VTD_PRESENT;
    cpu_memory_barrier();
    vtd_push(VTD_INVALIDATE_CONTEXT | VTD_CONTEXT_DEVICE | source | tag, 0);
    vtd_push(VTD_INVALIDATE_PASID | VTD_PASID_ONE | tag, 0);
    vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | tag, 0);
    return vtd_drain();
}

static bool flush(struct own_domain *d)
{
    vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | vtd_tag(d) << VTD_DOMAIN_SHIFT, 0);
    return vtd_drain();
}

static bool flush_list(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    const uint64_t capabilities = vtd_capabilities(), tag = vtd_tag(d) << VTD_DOMAIN_SHIFT;
    const unsigned most = capabilities & VTD_CAP_PSI ? VTD_CAP_MAMV(capabilities) : 0;
    bool ok = true;

    for (unsigned i = 0; i < count && ok; i++) {
        unsigned shift = (unsigned)(elements[i] & HV_IOMMU_RANGE_SHIFT_MASK);

        if (shift > most) {
            vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | tag, 0);
        } else {
            const uint64_t page = elements[i] >> HV_IOMMU_RANGE_PAGE_SHIFT, size = BIT(shift),
                           first = page & ~(size - 1);

            /* 6.5.2.4: the unit's blocks are aligned; one that is not lies in two of them. */
            vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_PAGES_OF_PASID | tag,
                     first << HV_IOMMU_RANGE_PAGE_SHIFT | shift);
            if (first != page) {
                vtd_push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_PAGES_OF_PASID | tag,
                         (first + size) << HV_IOMMU_RANGE_PAGE_SHIFT | shift);
            }
        }
        if (i % BATCH == BATCH - 1)
            ok = vtd_drain();
    }
    return ok && vtd_drain();
}

static const struct own_unit unit = {.move = move, .flush = flush, .flush_list = flush_list};

/* 0 and 0 where there is no bridge. */
static struct vtd_bridge bridge_at(uint16_t bdf)
{
    size_t count;
    const struct pci_function *f = pci_functions(&count);

    for (size_t i = 0; i < count; i++) {
        if (f[i].segment == 0 && f[i].bdf == bdf && !f[i].vpci && pci_is_bridge(&f[i])) {
            return (struct vtd_bridge){pci_read8(&f[i], PCI_SECONDARY_BUS),
                                       pci_read8(&f[i], PCI_SUBORDINATE_BUS)};
        }
    }
    return (struct vtd_bridge){0};
}

/* The image gives all requesters their entries itself. */
static bool is_known(uint64_t device_id)
{
    (void)device_id;
    return true;
}

static const char *start(void)
{
    const struct acpi_table *dmar = acpi_find("DMAR", 0);
    uint64_t base_gpa = 0;
    size_t count;
    const struct dma_engine *e;
    const char *problem;
    uint16_t *bdfs;

    pci_want_virtual_functions(is_known);
    e = dma_engines(&count);
    bdfs = memory_boot_pages((count * sizeof(*bdfs) + PAGE_SIZE - 1) / PAGE_SIZE);
    for (size_t i = 0; i < count; i++)
        bdfs[i] = e[i].function.bdf;
    problem = vtd_dmar_find((const uint8_t *)dmar, dmar ? dmar->length : 0, bdfs, count, bridge_at,
                            &base_gpa);
    if (!problem)
        problem = vtd_unit_start(base_gpa);
    if (!problem)
        own_domains_init(&unit);
    return problem;
}

static const char *restart(void)
{
    const char *problem = vtd_unit_restart();

    own_domains_restart();
    return problem;
}

static enum hv_status get_capabilities(struct hv_output_get_iommu_capabilities *out)
{
    /* 47 bits are what devices can use of the lower half of a 48-bit space; the upper half is for
     * addresses with bits 63:48 set, which tests of canonical addresses try by themselves. */
    *out = (struct hv_output_get_iommu_capabilities){
        .size = sizeof(*out),
        .max_iova_width = VTD_WIDTH_4_LEVELS - 1,
        .iommu_cap = HV_IOMMU_CAP_PRESENT | HV_IOMMU_CAP_S1,
        .pgsize_bitmap = vtd_capabilities() & VTD_CAP_FS1GP
                             ? HV_IOMMU_PGSIZE_ALL
                             : HV_IOMMU_PGSIZE_4K | HV_IOMMU_PGSIZE_2M};
    return HV_STATUS_SUCCESS;
}

static enum oracle_fault_class class_of(uint8_t reason)
{
    switch (reason) {
    case VTD_REASON_NOT_PRESENT:
        return ORACLE_FAULT_CLASS_NOT_PRESENT;
    case VTD_REASON_WRITE:
        return ORACLE_FAULT_CLASS_WRITE_DENIED;
    case VTD_REASON_RESERVED:
        return ORACLE_FAULT_CLASS_RESERVED_BIT;
    case VTD_REASON_NON_CANONICAL:
    case VTD_REASON_LEGACY_BEYOND:
    case VTD_REASON_BEYOND:
        return ORACLE_FAULT_CLASS_NON_CANONICAL;
    case VTD_REASON_PRIVILEGE:
        return ORACLE_FAULT_CLASS_PRIVILEGE;
    case VTD_REASON_INTERRUPT_RANGE:
        return ORACLE_FAULT_CLASS_INTERRUPT_WINDOW;
    case VTD_REASON_TABLE:
    case VTD_REASON_TOP_TABLE:
        return ORACLE_FAULT_CLASS_TABLE_UNREADABLE;
    case VTD_REASON_LEGACY_ROOT:
    case VTD_REASON_LEGACY_CONTEXT:
    case VTD_REASON_ROOT_ABSENT:
    case VTD_REASON_CONTEXT_ABSENT:
    case VTD_REASON_DIRECTORY:
    case VTD_REASON_PASID_ABSENT:
    case VTD_REASON_PASID_INVALID:
        return ORACLE_FAULT_CLASS_BLOCKED;
    default:
        return ORACLE_FAULT_CLASS_OTHER;
    }
}

/* The oldest record, 7.2.1; F stays clear where there is none. */
static bool take_record(uint64_t *low, uint64_t *high)
{
    const unsigned records = VTD_CAP_NFR(vtd_capabilities()),
                   index = VTD_FSTS_INDEX(vtd_read32(VTD_FSTS)),
                   at = vtd_fault_record() + 16 * (index < records ? index : 0);

    *low = vtd_read64(at);
    *high = vtd_read64(at + 8);
    if (!(*high & VTD_FAULT_F))
        return false;
    return vtd_clear_record(at);
}

/* 7.2.1: the unit drops records while there is no room, and says so by FSTS. */
static bool take_fault(uint64_t device_id, struct oracle_fault *fault)
{
    uint64_t low, high;
    const struct dma_engine *e;

    *fault = (struct oracle_fault){0};
    if (!take_record(&low, &high))
        return true;
    e = own_engine_at(VTD_FAULT_SOURCE(high));
    if (!(vtd_read32(VTD_FSTS) & (uint32_t)VTD_FSTS_PENDING))
        vtd_write32(VTD_FSTS, (uint32_t)VTD_FSTS_OVERFLOW);
    if (device_id != ORACLE_FAULT_ANY_DEVICE && (!e || e->device_id != device_id))
        return true;
    *fault = (struct oracle_fault){.device_id = e ? e->device_id : 0,
                                   .iova = low & ~(uint64_t)(PAGE_SIZE - 1),
                                   .valid = ORACLE_FAULT_VALID,
                                   .access = high & VTD_FAULT_READ ? ORACLE_ACCESS_READ
                                                                   : ORACLE_ACCESS_WRITE,
                                   .reason_class = class_of(VTD_FAULT_REASON(high)),
                                   .raw_reason = VTD_FAULT_REASON(high)};
    return true;
}

static void describe(char *text, size_t size)
{
    fmt_snprintf(text, size, "capabilities=0x%llx extended=0x%llx waits=%llu",
                 (unsigned long long)vtd_capabilities(), (unsigned long long)vtd_extended(),
                 (unsigned long long)vtd_waits());
}

/* A test may have ended anywhere. */
static void settle(void)
{
    own_settle();
    vtd_unit_restore();
}

const struct iommu_backend vtd_backend = {
    .name = "vtd",
    .promises = IOMMU_FAULT_CLASSES | IOMMU_FAULT_DIRECTIONS | IOMMU_SEES_EDITS_LATE,
    .start = start,
    .restart = restart,
    .get_capabilities = get_capabilities,
    OWN_OPERATIONS,
    .settle = settle,
    .take_fault = take_fault,
    .dead = vtd_unit_dead,
    .describe = describe,
};
