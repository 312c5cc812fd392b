/* SPDX-License-Identifier: MIT */
/* ACPI tables of the firmware that are shorter than what the host reads of them. */
#include <string.h>

#include "host/platform/acpi.h"
#include "host/platform/madt.h"
#include "lib/acpi_layout.h"
#include "lib/bits.h"
#include "tests/unit/unit.h"

#define FADT_BYTES 148u /* up to the 64-bit address of the DSDT */
#define PM_TIMER   76u
#define PM_PORT    0x608u
#define MADT_BYTES 100u
#define HPET       0xFED00000ull
#define IO_APIC    0xFEC00000u

/* As long as it says, and not a byte longer: the sanitizer sees each read after the end. */
static struct acpi_table *new_table(const char *signature, const void *bytes, size_t length)
{
    struct acpi_table *table = malloc(length > sizeof(*table) ? length : sizeof(*table));

    assert_non_null(table);
    memset(table, 0, sizeof(*table));
    if (length > sizeof(*table))
        memcpy(table + 1, (const uint8_t *)bytes + sizeof(*table), length - sizeof(*table));
    memcpy(table->signature, signature, sizeof(table->signature));
    table->length = (uint32_t)length;
    return table;
}

static void init_with(struct acpi_table *table)
{
    uint64_t address = (uintptr_t)table;
    uint8_t entries[sizeof(struct acpi_table) + sizeof(address)];
    struct acpi_table *xsdt;
    struct acpi_rsdp rsdp = {.revision = ACPI_RSDP_REVISION_XSDT};

    memcpy(entries + sizeof(*xsdt), &address, sizeof(address));
    xsdt = new_table("XSDT", entries, sizeof(entries));
    rsdp.xsdt = (uintptr_t)xsdt;
    acpi_init((uintptr_t)&rsdp);
    free(xsdt);
    free(table);
}

static void short_tables(void **state)
{
    static const char *const signatures[] = {"FACP", "MCFG", "APIC", "HPET", "DMAR", "IVRS"};
    uint8_t bytes[200] = {0};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(signatures); i++)
        for (size_t length = sizeof(struct acpi_table); length <= sizeof(bytes); length++)
            init_with(new_table(signatures[i], bytes, length));
}

/* The DSDT names buses 0x40 and 1, a name without a constant, and a name that the end cuts off. */
static void root_buses(void **state)
{
    static const uint8_t aml[] = {0x08, '_',  'B', 'B',  'N',  0x0A, 0x40, 0x08, '_',  'B', 'B',
                                  'N',  0x01, 9,   0x08, '_',  'B',  'B',  'N',  0x70, 5,   0x08,
                                  '_',  'B',  'B', 'N',  0x00, 0x08, '_',  'B',  'B',  'N', 0x0A};
    uint8_t fadt[FADT_BYTES] = {0}, bytes[sizeof(struct acpi_table) + sizeof(aml)];
    struct acpi_table *dsdt;
    uint64_t address;

    (void)state;
    memcpy(bytes + sizeof(*dsdt), aml, sizeof(aml));
    dsdt = new_table("DSDT", bytes, sizeof(bytes));
    address = (uintptr_t)dsdt;
    memcpy(fadt + FADT_BYTES - sizeof(address), &address, sizeof(address));
    init_with(new_table("FACP", fadt, sizeof(fadt)));
    free(dsdt);
    for (unsigned bus = 0; bus < 256; bus++)
        assert_int_equal(acpi_is_root_bus((uint8_t)bus), bus == 0x40 || bus == 1);
}

/* A root whose length is less than that of its own head has no entries. */
static void short_root(void **state)
{
    struct acpi_table *xsdt = new_table("XSDT", NULL, 8);
    struct acpi_rsdp rsdp = {.revision = ACPI_RSDP_REVISION_XSDT, .xsdt = (uintptr_t)xsdt};

    (void)state;
    acpi_init((uintptr_t)&rsdp);
    free(xsdt);
}

static void what_is_noted(void **state)
{
    uint8_t fadt[FADT_BYTES] = {0}, madt[MADT_BYTES] = {0}, hpet[sizeof(struct acpi_hpet)] = {0};
    const struct acpi_io_apic io_apic = {
        .type = ACPI_MADT_IO_APIC, .length = sizeof(io_apic), .address = IO_APIC};
    const uint32_t port = PM_PORT, *io_apics;
    const uint64_t base = HPET;
    unsigned before = madt_io_apics(&io_apics);

    (void)state;
    memcpy(fadt + PM_TIMER, &port, sizeof(port));
    init_with(new_table("FACP", fadt, sizeof(fadt)));
    assert_int_equal(acpi_pm_timer_port(), PM_PORT);
    memcpy(hpet + offsetof(struct acpi_hpet, address), &base, sizeof(base));
    init_with(new_table("HPET", hpet, sizeof(hpet)));
    assert_int_equal(acpi_hpet_base(), HPET);
    memcpy(madt + ACPI_MADT_FIRST_STRUCTURE, &io_apic, sizeof(io_apic));
    init_with(new_table("APIC", madt, sizeof(madt)));
    assert_int_equal(madt_io_apics(&io_apics), before + 1);
    assert_int_equal(io_apics[before], IO_APIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_noted),
        cmocka_unit_test(short_tables),
        cmocka_unit_test(short_root),
        cmocka_unit_test(root_buses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
