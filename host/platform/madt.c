/* SPDX-License-Identifier: MIT */
#include "host/platform/madt.h"

#include <stddef.h>

#include "host/base/log.h"
#include "host/base/processor.h"
#include "lib/acpi_layout.h"
#include "lib/string.h"

#define CHECKSUM_OFFSET offsetof(struct acpi_table, checksum)

static struct {
    uint8_t *table;
    uint32_t length;
    uint32_t apic_ids[HOST_CPUS_MAX];
    unsigned count, hidden;
    uint32_t io_apics[MADT_IO_APICS_MAX];
    unsigned io_apic_count;
} madt;

/* Calls `visit` for each processor; what it leaves in *flags is stored. */
static void for_each(void (*visit)(uint32_t apic_id, uint32_t *flags, uint32_t argument),
                     uint32_t argument)
{
    for (uint32_t at = ACPI_MADT_FIRST_STRUCTURE; at + 2 <= madt.length; at += madt.table[at + 1]) {
        uint8_t *bytes = madt.table + at;
        struct acpi_local_apic apic;
        struct acpi_local_x2apic x2apic;
        uint32_t flags;

        if (bytes[1] == 0)
            return;
        if (bytes[0] == ACPI_MADT_LOCAL_APIC && at + sizeof(apic) <= madt.length) {
            memcpy(&apic, bytes, sizeof(apic));
            flags = apic.flags;
            visit(apic.apic_id, &flags, argument);
            apic.flags = flags;
            memcpy(bytes, &apic, sizeof(apic));
        } else if (bytes[0] == ACPI_MADT_LOCAL_X2APIC && at + sizeof(x2apic) <= madt.length) {
            memcpy(&x2apic, bytes, sizeof(x2apic));
            flags = x2apic.flags;
            visit(x2apic.apic_id, &flags, argument);
            x2apic.flags = flags;
            memcpy(bytes, &x2apic, sizeof(x2apic));
        }
    }
}

static void note(uint32_t apic_id, uint32_t *flags, uint32_t unused)
{
    (void)unused;
    if (!(*flags & ACPI_MADT_ENABLED))
        return;
    if (madt.count < HOST_CPUS_MAX) {
        madt.apic_ids[madt.count++] = apic_id;
    } else {
        *flags &= ~(ACPI_MADT_ENABLED | ACPI_MADT_ONLINE_CAPABLE);
        madt.hidden++;
    }
}

static void set_checksum(void)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < madt.length; i++)
        sum = (uint8_t)(sum + (i == CHECKSUM_OFFSET ? 0 : madt.table[i]));
    if (madt.length > CHECKSUM_OFFSET)
        madt.table[CHECKSUM_OFFSET] = (uint8_t)-sum;
}

static void note_io_apics(void)
{
    for (uint32_t at = ACPI_MADT_FIRST_STRUCTURE; at + 2 <= madt.length; at += madt.table[at + 1]) {
        struct acpi_io_apic io_apic;

        if (madt.table[at + 1] == 0)
            return;
        if (madt.table[at] != ACPI_MADT_IO_APIC || at + sizeof(io_apic) > madt.length ||
            madt.io_apic_count == MADT_IO_APICS_MAX)
            continue;
        memcpy(&io_apic, madt.table + at, sizeof(io_apic));
        madt.io_apics[madt.io_apic_count++] = io_apic.address;
    }
}

void madt_read(uint8_t *table, uint32_t length)
{
    madt.table = table;
    madt.length = length;
    for_each(note, 0);
    if (madt.hidden > 0) {
        set_checksum();
        host_log(LOG_INFO, "%u processors more than the %u that fit are hidden from the guest\n",
                 madt.hidden, HOST_CPUS_MAX);
    }
    note_io_apics();
}

unsigned madt_io_apics(const uint32_t **addresses)
{
    *addresses = madt.io_apics;
    return madt.io_apic_count;
}

unsigned madt_processors(const uint32_t **apic_ids)
{
    *apic_ids = madt.apic_ids;
    return madt.count;
}

static void hide(uint32_t apic_id, uint32_t *flags, uint32_t kept)
{
    if (apic_id != kept)
        *flags &= ~(ACPI_MADT_ENABLED | ACPI_MADT_ONLINE_CAPABLE);
}

void madt_hide_all_but(uint32_t apic_id)
{
    for_each(hide, apic_id);
    madt.count = 0;
    set_checksum();
}
