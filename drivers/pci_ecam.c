/* SPDX-License-Identifier: MIT */
#include "drivers/pci_ecam.h"

#include "kernel/acpi.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "lib/bits.h"

#define ECAM_BUS_SHIFT      20
#define ECAM_FUNCTION_SHIFT 12
#define ECAM_FUNCTION_SIZE  4096u

#define BUSES         256
#define BITS_PER_WORD 64

static struct {
    bool read;
    size_t count;
    struct pci_ecam entries[PCI_ECAM_MAX];
    uint64_t mapped[PCI_ECAM_MAX][BUSES / BITS_PER_WORD]; /* one bit per bus */
} ecam;

static void read_mcfg(void)
{
    const struct acpi_mcfg *table = (const struct acpi_mcfg *)acpi_find("MCFG", 0);
    size_t entries;

    if (!table || table->header.length < sizeof(*table))
        return;
    entries = (table->header.length - sizeof(*table)) / sizeof(table->entries[0]);
    for (size_t i = 0; i < entries && ecam.count < PCI_ECAM_MAX; i++) {
        const struct acpi_mcfg_entry *e = &table->entries[i];

        if (e->base == 0 || e->base >= PAGING_GPA_LIMIT - ((uint64_t)BUSES << ECAM_BUS_SHIFT) ||
            e->last_bus < e->first_bus)
            continue;
        ecam.entries[ecam.count++] = (struct pci_ecam){.base = e->base,
                                                       .segment = e->segment,
                                                       .first_bus = e->first_bus,
                                                       .last_bus = e->last_bus};
    }
}

const struct pci_ecam *pci_ecams(size_t *count)
{
    if (!ecam.read) {
        ecam.read = true;
        read_mcfg();
    }
    *count = ecam.count;
    return ecam.entries;
}

/* Bus by bus: firmware reserves room for 256 of them, of which a machine has a few. */
static uint64_t bus_address(size_t entry, unsigned bus)
{
    uint64_t *word = &ecam.mapped[entry][bus / BITS_PER_WORD];
    uint64_t bit = BIT(bus % BITS_PER_WORD);
    uint64_t address = ecam.entries[entry].base + ((uint64_t)bus << ECAM_BUS_SHIFT);

    if ((*word & bit) == 0) {
        (void)paging_map_mmio(address, 1ull << ECAM_BUS_SHIFT);
        *word |= bit;
    }
    return address;
}

volatile void *pci_ecam_register(uint16_t segment, uint16_t bdf, unsigned offset)
{
    size_t count;
    const struct pci_ecam *entries = pci_ecams(&count);
    unsigned bus = bdf >> 8;

    for (size_t i = 0; i < count; i++) {
        if (entries[i].segment == segment && bus >= entries[i].first_bus &&
            bus <= entries[i].last_bus) {
            return gpa_pointer(bus_address(i, bus) +
                               ((uint64_t)(bdf & 0xFFu) << ECAM_FUNCTION_SHIFT) +
                               (offset & (ECAM_FUNCTION_SIZE - 1)));
        }
    }
    return NULL;
}
