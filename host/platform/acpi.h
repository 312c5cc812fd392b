/* SPDX-License-Identifier: MIT */
/* The ACPI tables of the firmware, as far as the host needs them. */
#ifndef PVT_HOST_PLATFORM_ACPI_H
#define PVT_HOST_PLATFORM_ACPI_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the timer port and the VT-d units; then takes the tables of translation units (DMAR, IVRS)
 * away from the guest and protects the units' registers. `rsdp` is the physical address of the root
 * pointer. */
void acpi_init(uint64_t rsdp);

/* Adds a table that lies in `memory`, memory of the guest below 4 GiB, to those that the root
 * lists. The space from the end of the table up to `end` is for a new root. False without an XSDT
 * or without room. */
bool acpi_add_table(uint64_t rsdp, uint64_t memory, uint64_t end);

struct acpi_table;
/* The table of this signature; NULL: the firmware has none. */
struct acpi_table *acpi_table_find(uint64_t rsdp, const char *signature);
void acpi_fix_checksum(struct acpi_table *table);
/* Makes a root at `memory` that lists these tables, and nothing else, the only one. Returns the
 * first address after it. */
uint64_t acpi_set_root(uint64_t rsdp, uint64_t memory, const uint64_t *tables, unsigned count);

/* I/O port of the power management timer; 0 = none. */
uint16_t acpi_pm_timer_port(void);
/* Memory-mapped configuration space of segment 0. */
struct acpi_ecam {
    uint64_t base; /* of bus 0, even when that is not the first */
    uint8_t first_bus, last_bus;
};
/* False when the firmware describes none. */
bool acpi_ecam(struct acpi_ecam *ecam);
/* Address of the configuration space of a function; 0: it is in no such range. */
static inline uint64_t acpi_config_address(uint16_t bdf)
{
    struct acpi_ecam ecam;
    unsigned bus = bdf >> 8;

    if (!acpi_ecam(&ecam) || bus < ecam.first_bus || bus > ecam.last_bus)
        return 0;
    return ecam.base + ((uint64_t)bdf << 12);
}
/* The highest range above 4 GiB that the root bridge of the PCI bus passes on, as the DSDT
 * describes it; length 0: none. */
struct acpi_window {
    uint64_t start, length;
};
struct acpi_window acpi_pci_window(void);
/* Is this the first bus below a root bridge that the DSDT describes besides that of bus 0? */
bool acpi_is_root_bus(uint8_t bus);
/* Registers of the HPET; 0: the machine has none. */
uint64_t acpi_hpet_base(void);
/* Register base of the first VT-d unit of segment 0; 0 = the machine has none. */
uint64_t acpi_vtd_base(void);

#endif
