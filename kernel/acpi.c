/* SPDX-License-Identifier: MIT */
/* Finds ACPI tables: RSDP, then XSDT or RSDT (ACPI 6.5, 5.2.5 to 5.2.8). Tables are not copied. */
#include "kernel/acpi.h"

#include "kernel/fadt.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "lib/string.h"

#define TABLE_LENGTH_MAX (16u << 20)

static struct {
    const struct acpi_table *root; /* XSDT or RSDT; NULL = no ACPI */
    size_t entry_size;             /* 8 or 4 */
} acpi;

static bool sums_to_zero(const void *data, size_t length)
{
    const uint8_t *bytes = data;
    uint8_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

/* Firmware may keep tables in memory that it calls reserved, which is not mapped above 4 GiB. */
static const void *reach(uint64_t gpa, uint64_t length)
{
    for (uint64_t page = gpa & ~(PAGE_SIZE - 1); page < gpa + length; page += PAGE_SIZE)
        if (paging_get(page) == PAGING_NONE)
            paging_set(page, PAGE_SIZE, PAGING_RO);
    return gpa_pointer(gpa);
}

static const struct acpi_table *table_at(uint64_t gpa)
{
    const struct acpi_table *table;

    if (gpa < PAGE_SIZE || gpa >= PAGING_GPA_LIMIT - TABLE_LENGTH_MAX)
        return NULL;
    table = reach(gpa, sizeof(*table));
    if (table->length < sizeof(*table) || table->length > TABLE_LENGTH_MAX)
        return NULL;
    reach(gpa, table->length);
    return table;
}

static bool is_valid(const struct acpi_table *table, const char signature[4])
{
    return table && memcmp(table->signature, signature, 4) == 0 &&
           sums_to_zero(table, table->length);
}

void acpi_init(uint64_t rsdp_gpa)
{
    const struct acpi_rsdp *rsdp;
    const struct acpi_table *xsdt;
    const struct acpi_table *rsdt;

    if (rsdp_gpa == 0 || rsdp_gpa >= PAGING_GPA_LIMIT - PAGE_SIZE)
        return;
    rsdp = reach(rsdp_gpa, sizeof(*rsdp));
    if (memcmp(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature)) != 0 ||
        !sums_to_zero(rsdp, ACPI_RSDP_LENGTH_1))
        return;
    xsdt = rsdp->revision >= ACPI_RSDP_REVISION_XSDT ? table_at(rsdp->xsdt) : NULL;
    rsdt = table_at(rsdp->rsdt);
    if (is_valid(xsdt, "XSDT")) {
        acpi.root = xsdt;
        acpi.entry_size = sizeof(uint64_t);
    } else if (is_valid(rsdt, "RSDT")) {
        acpi.root = rsdt;
        acpi.entry_size = sizeof(uint32_t);
    }
}

static const struct acpi_table *find_dsdt(void)
{
    const struct fadt *fadt = acpi_fadt();
    uint64_t gpa;
    const struct acpi_table *dsdt;

    if (!fadt)
        return NULL;
    gpa = fadt_has(fadt, x_dsdt) && fadt->x_dsdt ? fadt->x_dsdt : fadt->dsdt;
    dsdt = table_at(gpa);
    return is_valid(dsdt, "DSDT") ? dsdt : NULL;
}

const struct acpi_table *acpi_find(const char signature[4], unsigned n)
{
    const uint8_t *entry;
    const uint8_t *end;

    /* The root table does not list the DSDT. */
    if (memcmp(signature, "DSDT", 4) == 0)
        return n == 0 ? find_dsdt() : NULL;
    if (!acpi.root)
        return NULL;
    entry = (const uint8_t *)(acpi.root + 1);
    end = (const uint8_t *)acpi.root + acpi.root->length;
    for (; (size_t)(end - entry) >= acpi.entry_size; entry += acpi.entry_size) {
        uint64_t gpa = 0;
        const struct acpi_table *table;

        memcpy(&gpa, entry, acpi.entry_size);
        table = table_at(gpa);
        if (is_valid(table, signature) && n-- == 0)
            return table;
    }
    return NULL;
}
