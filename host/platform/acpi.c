/* SPDX-License-Identifier: MIT */
#include "host/platform/acpi.h"

#include <stdbool.h>
#include <stddef.h>

#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/platform/madt.h"
#include "lib/acpi_layout.h"
#include "lib/string.h"

/* Fixed ACPI description table: the block of the power management timer. */
#define FADT_PM_TIMER_BLOCK 76
#define FADT_DSDT           40
#define FADT_DSDT_64        140

/* A 64-bit address space descriptor of memory (ACPI 6.5, 6.4.3.5.1), as it stands in a resource
 * template. Values that AML code computes are not seen; the firmware of QEMU has none. */
struct qword_memory {
    uint8_t tag;
    uint16_t length;
    uint8_t resource_type, general_flags, type_flags;
    uint64_t granularity, first, last, translation, size;
} __attribute__((packed));
#define QWORD_TAG    0x8A
#define QWORD_LENGTH 43
#define QWORD_MEMORY 0
#define BELOW_4G     (UINT64_C(1) << 32)

#define DMAR_FIRST_STRUCTURE 48
#define DMAR_TYPE_DRHD       0

struct dmar_drhd {
    uint16_t type, length;
    uint8_t flags, size;
    uint16_t segment;
    uint64_t base;
} __attribute__((packed));

/* AMD I/O Virtualization Technology 3.0, 5.2: units are described by blocks of one of three types.
 */
#define IVRS_FIRST_STRUCTURE 48
#define IVRS_UNIT            0x10
#define IVRS_UNIT_11         0x11
#define IVRS_UNIT_40         0x40
#define AMD_REGISTER_BYTES   0x4000u

struct ivrs_unit {
    uint8_t type, flags;
    uint16_t length, device, capability;
    uint64_t base;
} __attribute__((packed));

/* Registers of one unit: the specification gives it at least one page. */
#define VTD_REGISTER_BYTES 4096u

static struct acpi_ecam ecam_of_segment_0; /* base 0: none */
static uint16_t pm_timer_port;
static uint64_t vtd_base;
static uint64_t hpet_base;
static struct acpi_window pci_window;
static bool root_bus[256];

/* RSDT and XSDT differ in the size of their entries only. */
struct root {
    struct acpi_table *table;
    size_t entry_size;
};

static size_t root_entries(const struct root *root)
{
    if (root->table->length < sizeof(struct acpi_table))
        return 0;
    return (root->table->length - sizeof(struct acpi_table)) / root->entry_size;
}

static uint8_t *root_entry(const struct root *root, size_t index)
{
    return (uint8_t *)(root->table + 1) + index * root->entry_size;
}

static struct acpi_table *root_target(const struct root *root, size_t index)
{
    uint64_t address = 0;

    memcpy(&address, root_entry(root, index), root->entry_size);
    return (struct acpi_table *)(uintptr_t)address;
}

static struct acpi_table *find(const struct root *root, const char *signature)
{
    for (size_t i = 0; root->table && i < root_entries(root); i++) {
        struct acpi_table *table = root_target(root, i);

        if (table && memcmp(table->signature, signature, sizeof(table->signature)) == 0)
            return table;
    }
    return NULL;
}

static uint8_t checksum_of(const void *bytes, size_t length)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
    return (uint8_t)-sum;
}

void acpi_fix_checksum(struct acpi_table *table)
{
    table->checksum = 0;
    table->checksum = checksum_of(table, table->length);
}

static void remove_from(const struct root *root, const struct acpi_table *victim)
{
    for (size_t i = 0; root->table && i < root_entries(root); i++) {
        if (root_target(root, i) != victim)
            continue;
        memmove(root_entry(root, i), root_entry(root, i + 1),
                (root_entries(root) - i - 1) * root->entry_size);
        root->table->length -= (uint32_t)root->entry_size;
        acpi_fix_checksum(root->table);
        return;
    }
}

static void take_away(const struct root *rsdt, const struct root *xsdt, struct acpi_table *table)
{
    remove_from(rsdt, table);
    remove_from(xsdt, table);
    memset(table, 0, table->length);
}

static void protect_units(const struct acpi_table *dmar)
{
    const uint8_t *bytes = (const uint8_t *)dmar;

    for (uint32_t at = DMAR_FIRST_STRUCTURE; at + sizeof(struct dmar_drhd) <= dmar->length;) {
        struct dmar_drhd unit;

        memcpy(&unit, bytes + at, sizeof(unit));
        if (unit.length == 0)
            return;
        if (unit.type == DMAR_TYPE_DRHD) {
            if (vtd_base == 0 && unit.segment == 0)
                vtd_base = unit.base;
            guest_protect(unit.base, VTD_REGISTER_BYTES, "VT-d registers");
        }
        at += unit.length;
    }
}

/* The host does not drive such units, but a guest that saw one would. */
static void protect_amd_units(const struct acpi_table *ivrs)
{
    const uint8_t *bytes = (const uint8_t *)ivrs;

    for (uint32_t at = IVRS_FIRST_STRUCTURE; at + sizeof(struct ivrs_unit) <= ivrs->length;) {
        struct ivrs_unit unit;

        memcpy(&unit, bytes + at, sizeof(unit));
        if (unit.length == 0)
            return;
        if (unit.type == IVRS_UNIT || unit.type == IVRS_UNIT_11 || unit.type == IVRS_UNIT_40)
            guest_protect(unit.base, AMD_REGISTER_BYTES, "AMD-Vi registers");
        at += unit.length;
    }
}

static void note_ecam(const struct acpi_table *mcfg)
{
    for (uint32_t at = sizeof(struct acpi_mcfg);
         at + sizeof(struct acpi_mcfg_entry) <= mcfg->length;
         at += sizeof(struct acpi_mcfg_entry)) {
        struct acpi_mcfg_entry entry;

        memcpy(&entry, (const uint8_t *)mcfg + at, sizeof(entry));
        if (entry.segment == 0)
            ecam_of_segment_0 = (struct acpi_ecam){entry.base, entry.first_bus, entry.last_bus};
    }
}

static void note_root_buses(const struct acpi_table *dsdt)
{
    for (uint32_t at = sizeof(*dsdt); at + sizeof(struct acpi_bus_name) <= dsdt->length; at++)
        root_bus[acpi_root_bus((const void *)((const uint8_t *)dsdt + at))] = true;
}

static const struct acpi_table *dsdt_of(const struct acpi_table *fadt)
{
    const uint8_t *bytes = (const uint8_t *)fadt;
    uint64_t address = 0;

    if (fadt->length >= FADT_DSDT_64 + sizeof(uint64_t))
        memcpy(&address, bytes + FADT_DSDT_64, sizeof(uint64_t));
    if (address == 0 && fadt->length >= FADT_DSDT + sizeof(uint32_t))
        memcpy(&address, bytes + FADT_DSDT, sizeof(uint32_t));
    return (const struct acpi_table *)(uintptr_t)address;
}

static void note_windows(const struct acpi_table *dsdt)
{
    for (uint32_t at = sizeof(*dsdt); at + sizeof(struct qword_memory) <= dsdt->length; at++) {
        struct qword_memory window;

        memcpy(&window, (const uint8_t *)dsdt + at, sizeof(window));
        if (window.tag == QWORD_TAG && window.length == QWORD_LENGTH &&
            window.resource_type == QWORD_MEMORY && window.translation == 0 &&
            window.first >= BELOW_4G && window.last > window.first &&
            window.first >= pci_window.start)
            pci_window = (struct acpi_window){window.first, window.last - window.first + 1};
    }
}

static void note_timer(const struct acpi_table *fadt)
{
    uint32_t block;

    if (fadt->length < FADT_PM_TIMER_BLOCK + sizeof(block))
        return;
    memcpy(&block, (const uint8_t *)fadt + FADT_PM_TIMER_BLOCK, sizeof(block));
    pm_timer_port = (uint16_t)block;
}

static void note_hpet(const struct acpi_table *table)
{
    struct acpi_hpet hpet;

    if (table->length < sizeof(hpet))
        return;
    memcpy(&hpet, table, sizeof(hpet));
    hpet_base = hpet.address;
}

/* An XSDT is used where there is one. */
static void roots_of(uint64_t rsdp_address, struct root *rsdt, struct root *xsdt)
{
    const struct acpi_rsdp *rsdp = (const struct acpi_rsdp *)(uintptr_t)rsdp_address;

    *rsdt = (struct root){(struct acpi_table *)(uintptr_t)rsdp->rsdt, 4};
    *xsdt = (struct root){NULL, 8};
    if (rsdp->revision >= ACPI_RSDP_REVISION_XSDT)
        xsdt->table = (struct acpi_table *)(uintptr_t)rsdp->xsdt;
}

struct acpi_table *acpi_table_find(uint64_t rsdp, const char *signature)
{
    struct root rsdt, xsdt;

    roots_of(rsdp, &rsdt, &xsdt);
    return find(xsdt.table ? &xsdt : &rsdt, signature);
}

void acpi_init(uint64_t rsdp)
{
    struct root rsdt, xsdt;
    const struct root *root;
    const struct acpi_table *fadt, *dsdt = NULL;
    const struct acpi_table *mcfg, *hpet;
    struct acpi_table *madt;
    struct acpi_table *dmar, *ivrs;

    if (rsdp == 0)
        host_panic("the firmware passes no ACPI root pointer");
    roots_of(rsdp, &rsdt, &xsdt);
    root = xsdt.table ? &xsdt : &rsdt;
    fadt = find(root, "FACP");
    mcfg = find(root, "MCFG");
    hpet = find(root, "HPET");
    madt = find(root, "APIC");
    dmar = find(root, "DMAR");
    ivrs = find(root, "IVRS");

    if (fadt) {
        note_timer(fadt);
        dsdt = dsdt_of(fadt);
    }
    if (dsdt) {
        note_windows(dsdt);
        note_root_buses(dsdt);
    }
    if (hpet)
        note_hpet(hpet);
    if (mcfg)
        note_ecam(mcfg);
    if (madt)
        madt_read((uint8_t *)madt, madt->length);
    if (dmar) {
        protect_units(dmar);
        take_away(&rsdt, &xsdt, dmar);
    }
    if (ivrs) {
        protect_amd_units(ivrs);
        take_away(&rsdt, &xsdt, ivrs);
    }
}

static void seal(struct acpi_rsdp *rsdp)
{
    rsdp->checksum = 0;
    rsdp->checksum = checksum_of(rsdp, ACPI_RSDP_LENGTH_1);
    rsdp->extended_checksum = 0;
    rsdp->extended_checksum = checksum_of(rsdp, rsdp->length);
}

uint64_t acpi_set_root(uint64_t rsdp_address, uint64_t memory, const uint64_t *tables,
                       unsigned count)
{
    struct acpi_rsdp *rsdp = (struct acpi_rsdp *)(uintptr_t)rsdp_address;
    struct root root = {(struct acpi_table *)(uintptr_t)memory, sizeof(uint64_t)};

    if (rsdp->revision < ACPI_RSDP_REVISION_XSDT || rsdp->xsdt == 0)
        host_panic("the ACPI root pointer of this firmware has no XSDT");
    memcpy(root.table, (const void *)(uintptr_t)rsdp->xsdt, sizeof(*root.table));
    root.table->length = (uint32_t)(sizeof(*root.table) + count * sizeof(*tables));
    memcpy(root.table + 1, tables, count * sizeof(*tables));
    acpi_fix_checksum(root.table);
    rsdp->xsdt = memory;
    rsdp->rsdt = 0;
    seal(rsdp);
    return memory + root.table->length;
}

bool acpi_add_table(uint64_t rsdp_address, uint64_t memory, uint64_t end)
{
    struct acpi_rsdp *rsdp = (struct acpi_rsdp *)(uintptr_t)rsdp_address;
    const struct acpi_table *table = (const struct acpi_table *)(uintptr_t)memory, *old;
    uint64_t place = (memory + table->length + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
    struct root root = {.table = (struct acpi_table *)(uintptr_t)place,
                        .entry_size = sizeof(uint64_t)};

    if (rsdp->revision < ACPI_RSDP_REVISION_XSDT || rsdp->xsdt == 0)
        return false;
    old = (const struct acpi_table *)(uintptr_t)rsdp->xsdt;
    if (place + old->length + root.entry_size > end)
        return false;
    memcpy(root.table, old, old->length);
    root.table->length += (uint32_t)root.entry_size;
    memcpy(root_entry(&root, root_entries(&root) - 1), &memory, sizeof(memory));
    acpi_fix_checksum(root.table);
    rsdp->xsdt = place;
    seal(rsdp);
    return true;
}

uint16_t acpi_pm_timer_port(void)
{
    return pm_timer_port;
}

bool acpi_ecam(struct acpi_ecam *ecam)
{
    *ecam = ecam_of_segment_0;
    return ecam->base != 0;
}

struct acpi_window acpi_pci_window(void)
{
    return pci_window;
}

bool acpi_is_root_bus(uint8_t bus)
{
    return bus != 0 && root_bus[bus];
}

uint64_t acpi_hpet_base(void)
{
    return hpet_base;
}

uint64_t acpi_vtd_base(void)
{
    return vtd_base;
}
