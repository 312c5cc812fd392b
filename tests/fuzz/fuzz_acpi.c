/* SPDX-License-Identifier: MIT */
/* ACPI tables with any content after their heads: the input is cut into the tables that the host
 * reads. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"
#include "host/platform/acpi.h"
#include "host/platform/madt.h"
#include "lib/acpi_layout.h"
#include "tests/fuzz/fuzz.h"

#define TABLES 7u /* the last one is the DSDT, which only the FADT names */

#define FADT_DSDT_64 140u
#define FADT_DSDT    40u

static jmp_buf stopped;

void host_panic(const char *format, ...)
{
    (void)format;
    longjmp(stopped, 1);
}

void host_log(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

void guest_protect(uint64_t start, uint64_t length, const char *what)
{
    (void)start;
    (void)what;
    if (length == 0)
        abort();
}

/* A table of its own allocation, so that the sanitizer knows its end. Short of a head it has none.
 */
static struct acpi_table *new_table(const char *signature, const uint8_t *data, size_t size)
{
    struct acpi_table *table = malloc(sizeof(*table) + size);

    if (!table)
        abort();
    memset(table, 0, sizeof(*table));
    memcpy(table->signature, signature, sizeof(table->signature));
    memcpy(table + 1, data, size);
    table->length = (uint32_t)(sizeof(*table) + size);
    return table;
}

static void name_dsdt(struct acpi_table *fadt, uint64_t dsdt)
{
    uint8_t *bytes = (uint8_t *)fadt;

    if (fadt->length >= FADT_DSDT + 4)
        memset(bytes + FADT_DSDT, 0, 4);
    if (fadt->length >= FADT_DSDT_64 + sizeof(dsdt))
        memcpy(bytes + FADT_DSDT_64, &dsdt, sizeof(dsdt));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const signatures[TABLES] = {"FACP", "MCFG", "APIC", "HPET",
                                                   "DMAR", "IVRS", "DSDT"};
    struct acpi_rsdp rsdp = {.revision = 2};
    struct acpi_table *table[TABLES], *xsdt;
    uint64_t addresses[TABLES - 1];
    size_t at = 0;

    for (unsigned i = 0; i < TABLES; i++) {
        size_t length = at < size ? data[at++] : 0;

        length = length < size - at ? length : size - at;
        table[i] = new_table(signatures[i], data + at, length);
        at += length;
    }
    name_dsdt(table[0], (uintptr_t)table[TABLES - 1]);
    for (unsigned i = 0; i < TABLES - 1; i++)
        addresses[i] = (uintptr_t)table[i];
    xsdt = new_table("XSDT", (const uint8_t *)addresses, sizeof(addresses));
    rsdp.xsdt = (uintptr_t)xsdt;
    if (setjmp(stopped) == 0) {
        acpi_init((uintptr_t)&rsdp);
        madt_hide_all_but(0);
    }
    for (unsigned i = 0; i < TABLES; i++)
        free(table[i]);
    free(xsdt);
    return 0;
}
