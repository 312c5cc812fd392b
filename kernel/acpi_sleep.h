/* SPDX-License-Identifier: MIT */
/* Soft-off by ACPI (ACPI 6.5, 4.8.3 and 7.4.2). */
#ifndef PVT_KERNEL_ACPI_SLEEP_H
#define PVT_KERNEL_ACPI_SLEEP_H

#include <stdbool.h>

#include "kernel/fadt.h"

struct acpi_sleep {
    bool has_type; /* the DSDT has a usable \_S5 */
    uint8_t type_a, type_b;
    bool has_a, has_b, has_control;
    struct acpi_address a, b;    /* PM1a_CNT, PM1b_CNT */
    struct acpi_address control; /* SLEEP_CONTROL_REG of hardware-reduced machines */
};

void acpi_sleep_find(struct acpi_sleep *sleep);
/* Returns when the machine did not go off (or not at once). */
void acpi_sleep_enter(const struct acpi_sleep *sleep);

#endif
