/* SPDX-License-Identifier: MIT */
#include "kernel/fadt.h"

#include "kernel/cpu.h"
#include "kernel/paging.h"

const struct fadt *acpi_fadt(void)
{
    const struct acpi_table *table = acpi_find("FACP", 0);
    /* The flags are the last field of the oldest revision. */
    if (!table || table->length < offsetof(struct fadt, reset))
        return NULL;
    return (const struct fadt *)table;
}

static bool is_reachable(const struct acpi_address *address)
{
    return address->space == ACPI_SPACE_IO ||
           (address->space == ACPI_SPACE_MEMORY &&
            address->address < PAGING_GPA_LIMIT - sizeof(uint64_t));
}

bool fadt_register(uint32_t port, const struct acpi_address *extended, struct acpi_address *result)
{
    if (extended && extended->address) {
        *result = *extended;
        return is_reachable(extended);
    }
    *result = (struct acpi_address){.space = ACPI_SPACE_IO, .address = port};
    return port != 0;
}

uint32_t acpi_address_read32(const struct acpi_address *address)
{
    if (address->space == ACPI_SPACE_IO)
        return cpu_in32((uint16_t)address->address);
    return *(volatile uint32_t *)paging_map_mmio(address->address, sizeof(uint32_t));
}

uint16_t acpi_address_read16(const struct acpi_address *address)
{
    if (address->space == ACPI_SPACE_IO)
        return cpu_in16((uint16_t)address->address);
    return *(volatile uint16_t *)paging_map_mmio(address->address, sizeof(uint16_t));
}

void acpi_address_write16(const struct acpi_address *address, uint16_t value)
{
    if (address->space == ACPI_SPACE_IO)
        cpu_out16((uint16_t)address->address, value);
    else
        *(volatile uint16_t *)paging_map_mmio(address->address, sizeof(uint16_t)) = value;
}

void acpi_address_write8(const struct acpi_address *address, uint8_t value)
{
    if (address->space == ACPI_SPACE_IO)
        cpu_out8((uint16_t)address->address, value);
    else
        *(volatile uint8_t *)paging_map_mmio(address->address, sizeof(uint8_t)) = value;
}
