/* SPDX-License-Identifier: MIT */
/*
 * A VT-d unit that this image drives itself: scalable mode, requests without PASID, the test's own
 * tables as first stage (Intel VT-d specification 3.6, 6.5, 9). Every device has two PASID entries
 * of which one is in force, so that a switch is a single store of eight bytes.
 */
#include <stddef.h>

#include "drivers/iommu.h"
#include "drivers/units/own_domains.h"
#include "drivers/units/vtd_registers.h"
#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/time.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define REGISTERS_SIZE   0x1000u
#define WAIT_US          1000000u
#define QUEUE_ENTRIES    128u /* of 32 bytes: one page */
#define BATCH            48u  /* elements, of up to two descriptors, between two waits */
#define ENTRY_WORDS      8u   /* of a PASID entry */
#define CONTEXT_WORDS    4u
#define DEVICES_PER_HALF 128u
#define BUSES_MAX        4u
/* A domain's tag is its number + 1: 0 belongs to devices that are in none. */
#define TAG(d) ((d) ? (uint64_t)(d)->number + 1 : 0)

struct place {
    uint64_t *directory; /* one entry, in force; points to one of the two tables */
    uint64_t *tables[2]; /* PASID table with entry 0 only */
    unsigned now;
};

static struct {
    volatile uint8_t *registers;
    uint64_t capabilities, extended;
    unsigned faults; /* offset of the fault record */
    uint64_t *queue;
    volatile uint32_t *status;
    uint32_t tail, sequence;
    struct place places[DMA_ENGINES_MAX];
    uint16_t bdfs[DMA_ENGINES_MAX];
    size_t devices;
    uint64_t waits;
} vtd;

static uint32_t read32(unsigned offset)
{
    return *(volatile uint32_t *)(vtd.registers + offset);
}

static uint64_t read64(unsigned offset)
{
    return *(volatile uint64_t *)(vtd.registers + offset);
}

static void write32(unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(vtd.registers + offset) = value;
}

static void write64(unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(vtd.registers + offset) = value;
}

static bool command(uint64_t bit)
{
    uint64_t end = time_us() + WAIT_US;

    write32(VTD_GCMD, (read32(VTD_GSTS) & VTD_STATUS_KEPT) | (uint32_t)bit);
    while (!(read32(VTD_GSTS) & (uint32_t)bit)) {
        if (time_us() > end)
            return false;
        cpu_pause();
    }
    return true;
}

static void push(uint64_t low, uint64_t high)
{
    uint64_t *descriptor = vtd.queue + 4 * (size_t)vtd.tail;

    descriptor[0] = low;
    descriptor[1] = high;
    descriptor[2] = descriptor[3] = 0;
    vtd.tail = (vtd.tail + 1) % QUEUE_ENTRIES;
}

/* Hands over what was pushed and waits for its end. */
static bool drain(void)
{
    uint64_t end = time_us() + WAIT_US;

    vtd.sequence++;
    push(VTD_INVALIDATE_WAIT | VTD_WAIT_STATUS | (uint64_t)vtd.sequence << VTD_STATUS_SHIFT,
         gpa_of((const void *)vtd.status));
    cpu_memory_barrier();
    write64(VTD_IQT, (uint64_t)vtd.tail << VTD_IQT_SHIFT);
    while (*vtd.status != vtd.sequence) {
        if ((read32(VTD_FSTS) & VTD_FSTS_QUEUE) || time_us() > end)
            return false;
        cpu_pause();
    }
    vtd.waits++;
    return true;
}

static struct place *place_of(uint16_t bdf)
{
    for (size_t i = 0; i < vtd.devices; i++)
        if (vtd.bdfs[i] == bdf)
            return &vtd.places[i];
    return NULL;
}

/* A device that is in no domain, or in a blocking one, has a PASID entry that is not present. */
static void fill_entry(uint64_t *entry, const struct own_domain *d)
{
    memset(entry, 0, ENTRY_WORDS * sizeof(*entry));
    if (!d || d->kind == OWN_BLOCKED)
        return;
    entry[1] = TAG(d);
    if (d->kind == OWN_PAGING)
        entry[2] = d->root;
    entry[0] = VTD_PRESENT | VTD_PASID_WIDTH_48 |
               (d->kind == OWN_PAGING ? VTD_PASID_FIRST_STAGE : VTD_PASID_PASS_THROUGH);
}

/* 6.5.3.3: guidance to software for an entry that changes while it is present. */
static bool move(const struct dma_engine *e, struct own_domain *from, struct own_domain *to)
{
    struct place *place = place_of(e->function.bdf);
    const uint64_t source = (uint64_t)e->function.bdf << VTD_SOURCE_SHIFT;

    if (!place)
        return false;
    place->now ^= 1u;
    fill_entry(place->tables[place->now], to);
    cpu_memory_barrier();
    *(volatile uint64_t *)place->directory = gpa_of(place->tables[place->now]) | VTD_PRESENT;
    cpu_memory_barrier();
    push(VTD_INVALIDATE_CONTEXT | VTD_CONTEXT_DEVICE | source | TAG(from) << VTD_DOMAIN_SHIFT, 0);
    push(VTD_INVALIDATE_PASID | VTD_PASID_ONE | TAG(from) << VTD_DOMAIN_SHIFT, 0);
    push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | TAG(from) << VTD_DOMAIN_SHIFT, 0);
    return drain();
}

static bool flush(struct own_domain *d)
{
    push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | TAG(d) << VTD_DOMAIN_SHIFT, 0);
    return drain();
}

static bool flush_list(struct own_domain *d, const uint64_t *elements, unsigned count)
{
    const unsigned most = vtd.capabilities & VTD_CAP_PSI ? VTD_CAP_MAMV(vtd.capabilities) : 0;
    bool ok = true;

    for (unsigned i = 0; i < count && ok; i++) {
        unsigned shift = (unsigned)(elements[i] & HV_IOMMU_RANGE_SHIFT_MASK);
        uint64_t tag = TAG(d) << VTD_DOMAIN_SHIFT;

        if (shift > most) {
            push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_ALL_OF_PASID | tag, 0);
        } else {
            const uint64_t page = elements[i] >> HV_IOMMU_RANGE_PAGE_SHIFT, size = BIT(shift),
                           first = page & ~(size - 1);

            /* 6.5.2.4: the unit's blocks are aligned; one that is not lies in two of them. */
            push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_PAGES_OF_PASID | tag,
                 first << HV_IOMMU_RANGE_PAGE_SHIFT | shift);
            if (first != page) {
                push(VTD_INVALIDATE_PASID_TLB | VTD_TLB_PAGES_OF_PASID | tag,
                     (first + size) << HV_IOMMU_RANGE_PAGE_SHIFT | shift);
            }
        }
        if (i % BATCH == BATCH - 1)
            ok = drain();
    }
    return ok && drain();
}

static const struct own_unit unit = {.move = move, .flush = flush, .flush_list = flush_list};

/* Registers of the first unit that table DMAR describes; 0: none. */
static uint64_t find_unit(void)
{
    const struct acpi_table *dmar = acpi_find("DMAR", 0);
    const uint8_t *start = (const uint8_t *)dmar;

    for (size_t at = DMAR_STRUCTURES; dmar && at + 4 <= dmar->length;) {
        uint16_t type, length;
        uint64_t base;

        memcpy(&type, start + at, sizeof(type));
        memcpy(&length, start + at + 2, sizeof(length));
        if (length < 4 || length > dmar->length - at)
            return 0;
        if (type == DMAR_TYPE_UNIT && length >= DMAR_UNIT_SIZE) {
            memcpy(&base, start + at + DMAR_UNIT_BASE, sizeof(base));
            return base;
        }
        at += length;
    }
    return 0;
}

/* Root, context and PASID tables of all engines; every device starts blocked. */
static const char *build_tables(uint64_t *root)
{
    struct {
        uint8_t bus;
        uint64_t *halves[2];
    } buses[BUSES_MAX] = {0};
    unsigned bus_count = 0;
    size_t count;
    const struct dma_engine *e = dma_engines(&count);

    for (size_t i = 0; i < count; i++) {
        uint8_t bus = (uint8_t)(e[i].function.bdf >> 8), function = (uint8_t)e[i].function.bdf;
        struct place *place = &vtd.places[i];
        uint64_t *context;
        unsigned b = 0;

        while (b < bus_count && buses[b].bus != bus)
            b++;
        if (b == bus_count) {
            if (bus_count == BUSES_MAX)
                return "the devices are on more buses than this driver has tables for";
            buses[bus_count++].bus = bus;
            for (unsigned half = 0; half < 2; half++) {
                buses[b].halves[half] = memory_boot_pages(1);
                root[2 * bus + half] = gpa_of(buses[b].halves[half]) | VTD_PRESENT;
            }
        }
        place->directory = memory_boot_pages(1);
        place->tables[0] = memory_boot_pages(1);
        place->tables[1] = memory_boot_pages(1);
        place->directory[0] = gpa_of(place->tables[0]) | VTD_PRESENT;
        context = buses[b].halves[function / DEVICES_PER_HALF] +
                  (size_t)CONTEXT_WORDS * (function % DEVICES_PER_HALF);
        context[0] = gpa_of(place->directory) | VTD_PRESENT;
        vtd.bdfs[i] = e[i].function.bdf;
    }
    vtd.devices = count;
    return NULL;
}

static const char *start(void)
{
    uint64_t base = find_unit(), *root;
    const char *problem;

    if (base == 0)
        return "no VT-d unit: there is no ACPI table DMAR that describes one";
    vtd.registers = paging_map_mmio(base, REGISTERS_SIZE);
    vtd.capabilities = read64(VTD_CAP);
    vtd.extended = read64(VTD_ECAP);
    if (!(vtd.extended & VTD_ECAP_SMTS) || !(vtd.extended & VTD_ECAP_FSTS) ||
        !(vtd.extended & VTD_ECAP_PT))
        return "the VT-d unit lacks scalable mode, first-stage translation or pass-through";
    vtd.faults = (unsigned)(vtd.capabilities >> VTD_CAP_FRO_SHIFT & 0x3FF) * 16;
    root = memory_boot_pages(1);
    vtd.queue = memory_boot_pages(1);
    vtd.status = memory_boot_pages(1);
    problem = build_tables(root);
    if (problem)
        return problem;
    own_domains_init(&unit);
    cpu_memory_barrier();
    write64(VTD_IQT, 0);
    write64(VTD_IQA, gpa_of(vtd.queue) | VTD_IQA_LARGE);
    if (!command(VTD_COMMAND_QIE))
        return "the VT-d unit does not start its invalidation queue";
    write64(VTD_RTADDR, gpa_of(root) | VTD_RTADDR_SCALABLE);
    if (!command(VTD_COMMAND_SRTP))
        return "the VT-d unit does not take its root table";
    push(VTD_INVALIDATE_CONTEXT | VTD_GLOBAL, 0);
    push(VTD_INVALIDATE_PASID | VTD_PASID_GLOBAL, 0);
    push(VTD_INVALIDATE_IOTLB | VTD_GLOBAL, 0);
    if (!drain())
        return "the VT-d unit does not carry out its first invalidations";
    return command(VTD_COMMAND_TE) ? NULL : "the VT-d unit does not switch its translation on";
}

static enum hv_status get_capabilities(struct hv_output_get_iommu_capabilities *out)
{
    /* 47 bits are what devices can use of the lower half of a 48-bit space; the upper half is for
     * addresses with bits 63:48 set, which tests of canonical addresses try by themselves. */
    *out = (struct hv_output_get_iommu_capabilities){.size = sizeof(*out),
                                                     .max_iova_width = 47,
                                                     .iommu_cap =
                                                         HV_IOMMU_CAP_PRESENT | HV_IOMMU_CAP_S1,
                                                     .pgsize_bitmap = HV_IOMMU_PGSIZE_ALL};
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
    case VTD_REASON_BEYOND:
        return ORACLE_FAULT_CLASS_NON_CANONICAL;
    case VTD_REASON_PRIVILEGE:
        return ORACLE_FAULT_CLASS_PRIVILEGE;
    case VTD_REASON_INTERRUPT_RANGE:
        return ORACLE_FAULT_CLASS_INTERRUPT_WINDOW;
    case VTD_REASON_TABLE:
    case VTD_REASON_TOP_TABLE:
        return ORACLE_FAULT_CLASS_TABLE_UNREADABLE;
    case VTD_REASON_CONTEXT_ABSENT:
    case VTD_REASON_PASID_ABSENT:
    case VTD_REASON_PASID_INVALID:
        return ORACLE_FAULT_CLASS_BLOCKED;
    default:
        return ORACLE_FAULT_CLASS_OTHER;
    }
}

/* 7.3: the unit drops records while its only one is not taken, and says so by FSTS. */
static bool take_fault(uint64_t device_id, struct oracle_fault *fault)
{
    uint64_t low = read64(vtd.faults), high = read64(vtd.faults + 8);
    const struct dma_engine *e;

    *fault = (struct oracle_fault){0};
    if (!(high & VTD_FAULT_F))
        return true;
    e = own_engine_at(VTD_FAULT_SOURCE(high));
    write32(vtd.faults + 12, (uint32_t)(VTD_FAULT_F >> 32));
    write32(VTD_FSTS, (uint32_t)VTD_FSTS_OVERFLOW);
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
                 (unsigned long long)vtd.capabilities, (unsigned long long)vtd.extended,
                 (unsigned long long)vtd.waits);
}

const struct iommu_backend vtd_backend = {
    .name = "vtd",
    .promises = IOMMU_FAULT_CLASSES | IOMMU_FAULT_DIRECTIONS | IOMMU_SEES_EDITS_LATE,
    .start = start,
    .get_capabilities = get_capabilities,
    OWN_OPERATIONS,
    .take_fault = take_fault,
    .describe = describe,
};
