/* SPDX-License-Identifier: MIT */
#include "kernel/acpi_sleep.h"

#include "lib/string.h"

#define PM1_SLEEP_TYPE_SHIFT     10
#define PM1_SLEEP_TYPE_MASK      (7u << PM1_SLEEP_TYPE_SHIFT)
#define PM1_SLEEP_ENABLE         (1u << 13)
#define CONTROL_SLEEP_TYPE_SHIFT 2
#define CONTROL_SLEEP_ENABLE     (1u << 5)
#define SLEEP_TYPE_MAX           7

/* AML (ACPI 6.5, 20.2). */
#define AML_ZERO        0x00
#define AML_ONE         0x01
#define AML_BYTE        0x0A
#define AML_WORD        0x0B
#define AML_DWORD       0x0C
#define AML_PACKAGE     0x12
#define AML_LENGTH_MORE 6 /* PkgLength: bits 7:6 say how many bytes follow */

struct aml {
    const uint8_t *at, *end;
};

static uint8_t aml_byte(struct aml *aml)
{
    return aml->at < aml->end ? *aml->at++ : 0xFF;
}

/* A constant that fits the sleep type field; false for anything else. */
static bool aml_sleep_type(struct aml *aml, uint8_t *value)
{
    uint8_t opcode = aml_byte(aml);
    unsigned more;

    if (opcode == AML_ZERO || opcode == AML_ONE) {
        *value = opcode;
        return true;
    }
    more = opcode == AML_BYTE ? 0 : opcode == AML_WORD ? 1 : 3;
    if (opcode != AML_BYTE && opcode != AML_WORD && opcode != AML_DWORD)
        return false;
    *value = aml_byte(aml);
    for (unsigned i = 0; i < more; i++)
        aml_byte(aml);
    return *value <= SLEEP_TYPE_MAX;
}

/* Name (_S5, Package () { type_a, type_b, ... }) is constant data by definition (ACPI 6.5, 7.4.2),
 * so the bytes can be read without an interpreter. */
static bool parse_s5(struct aml aml, struct acpi_sleep *sleep)
{
    unsigned more;

    if (aml_byte(&aml) != AML_PACKAGE)
        return false;
    more = aml_byte(&aml) >> AML_LENGTH_MORE;
    for (unsigned i = 0; i < more; i++)
        aml_byte(&aml);
    if (aml_byte(&aml) < 1 || !aml_sleep_type(&aml, &sleep->type_a))
        return false;
    if (!aml_sleep_type(&aml, &sleep->type_b))
        sleep->type_b = sleep->type_a;
    return true;
}

static void find_type(struct acpi_sleep *sleep)
{
    static const char name[4] = {'_', 'S', '5', '_'};
    const struct acpi_table *dsdt = acpi_find("DSDT", 0);
    const uint8_t *end;

    if (!dsdt)
        return;
    end = (const uint8_t *)dsdt + dsdt->length;
    for (const uint8_t *at = (const uint8_t *)(dsdt + 1);
         at + sizeof(name) < end && !sleep->has_type; at++)
        if (*at == (uint8_t)name[0] && memcmp(at, name, sizeof(name)) == 0)
            sleep->has_type = parse_s5((struct aml){.at = at + sizeof(name), .end = end}, sleep);
}

void acpi_sleep_find(struct acpi_sleep *sleep)
{
    const struct fadt *fadt;

    *sleep = (struct acpi_sleep){0};
    fadt = acpi_fadt();
    if (!fadt)
        return;
    find_type(sleep);
    if (fadt->flags & FADT_FLAG_HARDWARE_REDUCED) {
        sleep->has_control = fadt_has(fadt, sleep_control) &&
                             fadt_register(0, &fadt->sleep_control, &sleep->control);
        return;
    }
    sleep->has_a = FADT_REGISTER(fadt, pm1a_control, &sleep->a);
    sleep->has_b = FADT_REGISTER(fadt, pm1b_control, &sleep->b);
}

static void write_pm1(const struct acpi_address *control, uint8_t type)
{
    uint16_t value = acpi_address_read16(control);
    value = (uint16_t)((value & ~PM1_SLEEP_TYPE_MASK) | (unsigned)type << PM1_SLEEP_TYPE_SHIFT |
                       PM1_SLEEP_ENABLE);
    acpi_address_write16(control, value);
}

void acpi_sleep_enter(const struct acpi_sleep *sleep)
{
    if (!sleep->has_type)
        return;
    if (sleep->has_control)
        acpi_address_write8(
            &sleep->control,
            (uint8_t)((unsigned)sleep->type_a << CONTROL_SLEEP_TYPE_SHIFT | CONTROL_SLEEP_ENABLE));
    if (sleep->has_a)
        write_pm1(&sleep->a, sleep->type_a);
    if (sleep->has_b)
        write_pm1(&sleep->b, sleep->type_b);
}
