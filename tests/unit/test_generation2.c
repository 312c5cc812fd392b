/* SPDX-License-Identifier: MIT */
/* A machine without the devices of a PC: its ports, and its ACPI tables as the guest reads them. */
#include <string.h>
#include <sys/mman.h>

#include "drivers/vpci/mmio_window.h"
#include "host/platform/acpi.h"
#include "host/platform/acpi_generation2.h"
#include "host/platform/generation2.h"
#include "kernel/fadt.h"
#include "lib/acpi_layout.h"
#include "lib/bits.h"
#include "tests/unit/unit.h"

#define SIGNAL 0x1234567u
#define TIMER  0x608u
#define LOW    0xE0000000u
#define HIGH   (UINT64_C(900) << 30)

/* Tables of a PC, and room for those of the other machine: below 4 GiB, as AML names it. */
struct machine {
    struct acpi_rsdp rsdp;
    struct {
        struct acpi_table header;
        uint64_t tables[3];
    } __attribute__((packed)) xsdt;
    struct fadt fadt;
    uint8_t madt[ACPI_MADT_FIRST_STRUCTURE];
    struct acpi_mcfg mcfg;
    uint64_t room[512];
};

static void name(struct acpi_table *table, const char *signature, size_t length)
{
    memcpy(table->signature, signature, 4);
    table->length = (uint32_t)length;
}

static struct machine *new_machine(void)
{
    struct machine *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    assert_true(m != MAP_FAILED);
    m->rsdp = (struct acpi_rsdp){.signature = "RSD PTR", .revision = 2, .length = sizeof(m->rsdp)};
    m->rsdp.rsdt = 1;
    m->rsdp.xsdt = (uintptr_t)&m->xsdt;
    name(&m->xsdt.header, "XSDT", sizeof(m->xsdt));
    m->xsdt.tables[0] = (uintptr_t)&m->fadt;
    m->xsdt.tables[1] = (uintptr_t)m->madt;
    m->xsdt.tables[2] = (uintptr_t)&m->mcfg;
    name(&m->fadt.header, "FACP", sizeof(m->fadt));
    m->fadt.pm1a_event = 0x600;
    m->fadt.pm1a_control = 0x604;
    m->fadt.pm_timer = TIMER;
    m->fadt.facs = 0x7000;
    m->fadt.reset = (struct acpi_address){ACPI_SPACE_IO, 8, 0, 1, 0xCF9};
    m->fadt.reset_value = 0x0F;
    name((struct acpi_table *)m->madt, "APIC", sizeof(m->madt));
    m->madt[40] = 1;
    name(&m->mcfg.header, "MCFG", sizeof(m->mcfg));
    return m;
}

static uint8_t sum_of(const void *bytes, size_t length)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
    return sum;
}

static const struct acpi_table *table(struct machine *m, const char *signature)
{
    const struct acpi_table *found = acpi_table_find((uintptr_t)&m->rsdp, signature);

    if (found)
        assert_int_equal(sum_of(found, found->length), 0);
    return found;
}

static bool has_name(const struct acpi_table *aml, const char *text)
{
    for (uint32_t at = 0; at + 4 <= aml->length; at++)
        if (memcmp((const uint8_t *)aml + at, text, 4) == 0)
            return true;
    return false;
}

static void the_tables_are_those_of_a_generation_2_vm(void **state)
{
    static const struct acpi_vmbus_ranges ranges = {LOW, 32u << 20, HIGH, 128u << 20};
    struct machine *m = new_machine();
    const struct fadt *fadt;
    const struct acpi_table *dsdt;
    struct mmio_windows found = {{0, 0}, {0, 0}}, described = {{0, 0}, {0, 0}};
    uint64_t block;

    (void)state;
    generation2 = (struct generation2){.on = true, .com1 = true};
    assert_true(acpi_generation2((uintptr_t)&m->rsdp, (uintptr_t)m->room, &ranges, 2) <=
                (uintptr_t)(m->room + ARRAY_SIZE(m->room)));
    assert_int_equal(m->rsdp.rsdt, 0);
    assert_int_equal(sum_of(&m->rsdp, ACPI_RSDP_LENGTH_1), 0);
    assert_int_equal(sum_of(&m->rsdp, sizeof(m->rsdp)), 0);
    assert_null(table(m, "MCFG"));
    assert_int_equal(((const uint8_t *)table(m, "APIC"))[40], 0);

    fadt = (const struct fadt *)table(m, "FACP");
    assert_int_equal(fadt->header.length, 276);
    assert_int_equal(fadt->pm1a_control, 0);
    assert_int_equal(fadt->x_pm1a_control.address, 0x604);
    assert_int_equal(fadt->x_pm1a_control.bit_width, 16);
    assert_int_equal(fadt->pm_timer, 0);
    assert_int_equal(fadt->x_pm_timer.address, 0);
    assert_int_equal(fadt->reset.address, 0xCF9);
    assert_int_equal(fadt->reset_value, 0x0F);
    assert_int_equal(fadt->x_facs, 0x7000);

    dsdt = (const struct acpi_table *)(uintptr_t)fadt->x_dsdt;
    assert_int_equal(sum_of(dsdt, dsdt->length), 0);
    assert_true(mmio_block_address(dsdt, dsdt->length, &block));
    mmio_from_block((const void *)(uintptr_t)block, &found);
    assert_true(mmio_from_aml(dsdt, dsdt->length, &described));
    assert_memory_equal(&found, &described, sizeof(found));
    assert_int_equal(found.low.base, LOW);
    assert_int_equal(found.high.base, HIGH);
    assert_int_equal(found.high.length, 128u << 20);
    assert_true(has_name(dsdt, "UAR1"));
    munmap(m, sizeof(*m));

    m = new_machine();
    generation2.com1 = false;
    (void)acpi_generation2((uintptr_t)&m->rsdp, (uintptr_t)m->room, &ranges, 2);
    fadt = (const struct fadt *)table(m, "FACP");
    dsdt = (const struct acpi_table *)(uintptr_t)fadt->x_dsdt;
    assert_false(has_name(dsdt, "UAR1"));
    munmap(m, sizeof(*m));
}

static void run_time_code_is_known(void **state)
{
    (void)state;
    generation2_add_runtime_code(0x5000, 0x2000);
    generation2_add_runtime_code(0x9000, 0x1000);
    assert_false(generation2_is_runtime_code(0x4FFF));
    assert_true(generation2_is_runtime_code(0x5000));
    assert_true(generation2_is_runtime_code(0x6FFF));
    assert_false(generation2_is_runtime_code(0x7000));
    assert_true(generation2_is_runtime_code(0x9000));
}

static void ports_of_a_pc_are_told_from_others(void **state)
{
    static const uint16_t of_pc[] = {0x20, 0x21, 0xA1,  0x40,  0x43,  0x61,  0x60, 0x64,
                                     0x70, 0x71, 0xCF8, 0xCFC, 0xCFF, 0x3F8, 0x3FF};
    static const uint16_t others[] = {0x1F,  0x22,  0x80,  0xF4,  0x3F7,
                                      0x400, 0x600, 0x604, 0xCF7, 0xD00};

    (void)state;
    generation2 = (struct generation2){.on = true};
    generation2_init(SIGNAL);
    for (unsigned i = 0; i < ARRAY_SIZE(of_pc); i++)
        assert_true(generation2_is_port(of_pc[i], 1));
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(generation2_is_port(others[i], 1));
    assert_true(generation2_is_port(0x1F, 2));
    assert_false(generation2_is_port(0xCF9, 1)); /* the reset register */
    assert_true(generation2_is_port(0xCF8, 4));
    generation2.on = false;
    assert_false(generation2_is_port(0x40, 1));
}

static void another_instruction_takes_nothing_away(void **state)
{
    (void)state;
    assert_false(generation2_is_bare());
    assert_false(generation2_boot_services_end(SIGNAL + 1));
    assert_false(generation2_is_bare());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_are_those_of_a_generation_2_vm),
        cmocka_unit_test(run_time_code_is_known),
        cmocka_unit_test(ports_of_a_pc_are_told_from_others),
        cmocka_unit_test(another_instruction_takes_nothing_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
