/* SPDX-License-Identifier: MIT */
#include "kernel/madt.h"

#include <stdbool.h>

#include "kernel/acpi.h"
#include "lib/string.h"

/* False for a structure that is no enabled processor. */
static bool processor(const uint8_t *structure, uint32_t *apic_id)
{
    struct acpi_local_apic apic;
    struct acpi_local_x2apic x2apic;
    uint32_t flags = 0;
    if (structure[0] == ACPI_MADT_LOCAL_APIC && structure[1] >= sizeof(apic)) {
        memcpy(&apic, structure, sizeof(apic));
        *apic_id = apic.apic_id;
        flags = apic.flags;
    } else if (structure[0] == ACPI_MADT_LOCAL_X2APIC && structure[1] >= sizeof(x2apic)) {
        memcpy(&x2apic, structure, sizeof(x2apic));
        *apic_id = x2apic.apic_id;
        flags = x2apic.flags;
    }
    return flags & ACPI_MADT_ENABLED;
}

unsigned madt_find_others(uint32_t own, uint32_t *apic_ids, unsigned most)
{
    const struct acpi_table *madt = acpi_find("APIC", 0);
    const uint8_t *table;
    unsigned count = 0;
    uint32_t id;

    if (!madt)
        return 0;
    table = (const uint8_t *)madt;
    for (uint32_t at = ACPI_MADT_FIRST_STRUCTURE; at + 2 <= madt->length; at += table[at + 1]) {
        if (table[at + 1] < 2 || table[at + 1] > madt->length - at)
            return count;
        if (!processor(table + at, &id) || id == own)
            continue;
        if (count < most)
            apic_ids[count] = id;
        count++;
    }
    return count;
}
