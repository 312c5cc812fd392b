/* SPDX-License-Identifier: MIT */
#include "boot/efi_tables.h"

#include "kernel/memory.h"
#include "lib/string.h"

static bool same_id(const EFI_GUID *a, const EFI_GUID *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

void *boot_configuration_table(const struct boot *boot, const EFI_GUID *id)
{
    for (UINTN i = 0; i < boot->system->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *table = &boot->system->ConfigurationTable[i];
        if (same_id(&table->VendorGuid, id))
            return table->VendorTable;
    }
    return NULL;
}

void boot_acpi(const struct boot *boot)
{
    static const EFI_GUID acpi_2 = ACPI_20_TABLE_GUID, acpi_1 = ACPI_TABLE_GUID;
    const void *rsdp = boot_configuration_table(boot, &acpi_2);
    if (!rsdp)
        rsdp = boot_configuration_table(boot, &acpi_1);
    boot->info->rsdp = gpa_of(rsdp);
}
