/* SPDX-License-Identifier: MIT */
/* Fixed ACPI Description Table (ACPI 6.5, 5.2.9) and the registers it describes. */
#ifndef PVT_KERNEL_FADT_H
#define PVT_KERNEL_FADT_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/acpi.h"

/* Generic Address Structure (ACPI 6.5, 5.2.3.2). */
struct acpi_address {
    uint8_t space, bit_width, bit_offset, access_size;
    uint64_t address;
} __attribute__((packed));

enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1 };

#define FADT_FLAG_TIMER_32_BITS    (1u << 8)
#define FADT_FLAG_RESET            (1u << 10)
#define FADT_FLAG_HARDWARE_REDUCED (1u << 20)

struct fadt {
    struct acpi_table header;
    uint32_t facs, dsdt;
    uint8_t reserved0, profile;
    uint16_t sci_interrupt;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4_request, pstate_control;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
    uint8_t lengths[24]; /* register block lengths, latencies, alarm indices */
    uint32_t flags;
    struct acpi_address reset;
    uint8_t reset_value;
    uint16_t arm_flags;
    uint8_t minor_version;
    uint64_t x_facs, x_dsdt;
    struct acpi_address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control,
        x_pm_timer, x_gpe0, x_gpe1, sleep_control, sleep_status;
} __attribute__((packed));
_Static_assert(offsetof(struct fadt, pm_timer) == 76, "ACPI table 5.9");
_Static_assert(offsetof(struct fadt, flags) == 112, "ACPI table 5.9");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "ACPI table 5.9");
_Static_assert(offsetof(struct fadt, x_pm_timer) == 208, "ACPI table 5.9");
_Static_assert(offsetof(struct fadt, sleep_control) == 244, "ACPI table 5.9");

/* NULL when there is none. Older tables are shorter: ask fadt_has() before reading a later field.
 */
const struct fadt *acpi_fadt(void);
#define fadt_has(fadt, field)                                                                      \
    ((fadt)->header.length >= offsetof(struct fadt, field) + sizeof((fadt)->field))

/* The extended address if the table has it and it is not 0, else the 32-bit I/O port. False when
 * there is neither. */
bool fadt_register(uint32_t port, const struct acpi_address *extended, struct acpi_address *result);
#define FADT_REGISTER(fadt, name, result)                                                          \
    fadt_register((fadt)->name, fadt_has(fadt, x_##name) ? &(fadt)->x_##name : NULL, result)

/* For registers in I/O or memory space, which must be as wide as the access. */
uint32_t acpi_address_read32(const struct acpi_address *address);
uint16_t acpi_address_read16(const struct acpi_address *address);
void acpi_address_write16(const struct acpi_address *address, uint16_t value);
void acpi_address_write8(const struct acpi_address *address, uint8_t value);

#endif
