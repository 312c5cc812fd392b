/* SPDX-License-Identifier: MIT */
/*
 * Root, context and PASID tables (VT-d 9.1 to 9.6). PASID 0 stands for requests without PASID.
 *
 * Each managed function has a directory of its own and two PASID tables: a switch fills the table
 * that is not in use and then stores the directory entry, 8 bytes, so that the unit sees the old
 * translation or the new one and never a mixture. All other functions share one entry that maps
 * guest RAM. Buses and functions that do not exist stay not present.
 */
#include "host/iommu/vtd_tables.h"

#include "host/base/memory.h"
#include "host/iommu/domain_id.h"
#include "host/iommu/io_table.h"
#include "host/iommu/vtd_rules.h"
#include "host/iommu/vtd_unit.h"
#include "host/platform/pci_functions.h"
#include "lib/bits.h"

#define CACHE_LINE 64u

void vtd_publish(const void *start, size_t length)
{
    uintptr_t line = (uintptr_t)start & ~(uintptr_t)(CACHE_LINE - 1);

    for (; line < (uintptr_t)start + length; line += CACHE_LINE)
        __asm__ volatile("clflush (%0)" : : "r"(line) : "memory");
    __asm__ volatile("mfence" : : : "memory");
}

static struct vtd_context_entry *context_entry(uint16_t requester)
{
    uint64_t *half = &vtd_unit.root[requester >> 8].half[(requester & 0xFFu) / VTD_CONTEXT_HALF];
    struct vtd_context_entry *table;

    if (*half == 0)
        *half = (uintptr_t)host_pages(1) | VTD_ENTRY_P;
    table = (struct vtd_context_entry *)(uintptr_t)(*half & ~VTD_ENTRY_P);
    return &table[(requester & 0xFFu) % VTD_CONTEXT_HALF];
}

static void pasid_entry_set(struct vtd_pasid_entry *entry, uint64_t top_table, uint16_t did)
{
    entry->val[2] = top_table;
    entry->val[1] = did;
    entry->val[0] = vtd_rules.address_width | VTD_PASID_PGTT_FIRST | VTD_ENTRY_P;
}

/* Blocking is an entry of zeros: with the other fields left as they are, QEMU goes on translating
 * when P is cleared. */
static void pasid_entry_fill(struct vtd_pasid_entry *entry, const struct translation *t)
{
    uint16_t did = t->did != DID_NONE ? t->did : DID_HOST;

    *entry = (struct vtd_pasid_entry){0};
    if (t->kind == TRANSLATION_PAGING)
        pasid_entry_set(entry, t->root, did);
    else if (t->kind == TRANSLATION_IDENTITY)
        pasid_entry_set(entry, vtd_unit.identity, did);
    vtd_publish(entry, sizeof(*entry));
}

struct vtd_function *vtd_function_find(uint16_t requester)
{
    for (unsigned i = 0; i < vtd_unit.functions; i++)
        if (vtd_unit.function[i].requester == requester)
            return &vtd_unit.function[i];
    return NULL;
}

void vtd_function_point(struct vtd_function *function, const struct translation *t)
{
    unsigned spare = !function->current;

    pasid_entry_fill(&function->table[spare][0], t);
    *(volatile uint64_t *)function->directory = (uintptr_t)function->table[spare] | VTD_ENTRY_P;
    vtd_publish(function->directory, sizeof(*function->directory));
    function->current = spare;
}

static uint64_t *directory_new(struct vtd_function *function)
{
    function->directory = host_pages(1);
    function->table[0] = host_pages(1);
    function->table[1] = host_pages(1);
    return function->directory;
}

void vtd_tables_build(void)
{
    static const struct translation shared = {.kind = TRANSLATION_IDENTITY, .did = DID_HOST};
    static const struct translation blocked = {.kind = TRANSLATION_BLOCKED};
    struct vtd_function unmanaged = {0};
    unsigned count;
    const struct pci_function *function = pci_functions(&count);

    vtd_unit.root = host_pages(1);
    vtd_unit.function =
        host_pages((count * sizeof(*vtd_unit.function) + PAGE_SIZE - 1) / PAGE_SIZE + 1);
    directory_new(&unmanaged);
    vtd_function_point(&unmanaged, &shared);
    for (unsigned i = 0; i < count; i++) {
        uint64_t *directory = unmanaged.directory;
        struct vtd_context_entry *entry;

        if (function[i].emulated)
            continue; /* no such requester can reach the unit: its entry stays not present */
        entry = context_entry(function[i].requester);
        if (function[i].managed) {
            struct vtd_function *own = &vtd_unit.function[vtd_unit.functions++];

            own->requester = function[i].requester;
            directory = directory_new(own);
            vtd_function_point(own, &blocked);
        }
        entry->val[0] = (uintptr_t)directory | VTD_ENTRY_P;
        vtd_publish(entry, sizeof(*entry));
    }
    vtd_publish(vtd_unit.root, PAGE_SIZE);
}
