/* SPDX-License-Identifier: MIT */
/* Long-mode page tables (APM volume 2, 5.3), 4 levels, or 5 where the firmware left LA57 on (it
 * cannot be changed in long mode). */
#include "kernel/paging.h"

#include "kernel/boot_info.h"
#include "kernel/control.h"
#include "kernel/memory.h"
#include "kernel/paging_bits.h"

/* Upper levels allow everything; the leaf decides. */
#define PTE_TABLE (PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_ACCESSED)
/* Accessed and dirty from the start: no page-walk writes to the tables later. */
#define PTE_LEAF (PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY)

#define ENTRIES               512
#define LEVEL_4K              1
#define LEVEL_1G              3
#define FLUSH_ALL_PAGES       32 /* from here on one CR3 load is cheaper than INVLPG per page */
#define CPUID_EXTENDED        0x80000001u
#define CPUID_EXTENDED_EDX_1G (1u << 26)

static struct {
    uint64_t *root;
    unsigned levels;
    unsigned largest_leaf;
    bool live;
} paging;

static uint64_t span_of(unsigned level)
{
    return 1ull << (12 + 9 * (level - 1));
}

static uint64_t *entry_of(uint64_t *table, uint64_t address, unsigned level)
{
    return &table[address / span_of(level) % ENTRIES];
}

static uint64_t *table_of(uint64_t entry)
{
    return gpa_pointer(entry & PTE_ADDRESS);
}

static bool is_leaf(uint64_t entry, unsigned level)
{
    return (entry & PTE_PRESENT) && (level == LEVEL_4K || (entry & PTE_LARGE));
}

static uint64_t bits_of(enum paging_access access)
{
    uint64_t user = access & PAGING_USER ? PTE_USER : 0;
    switch (access & PAGING_ACCESS_MASK) {
    case PAGING_RO:
        return PTE_LEAF | PTE_NX | user;
    case PAGING_RW:
        return PTE_LEAF | PTE_NX | PTE_WRITABLE | user;
    case PAGING_RX:
        return PTE_LEAF | user;
    case PAGING_RWX:
        return PTE_LEAF | PTE_WRITABLE | user;
    case PAGING_MMIO:
        return PTE_LEAF | PTE_NX | PTE_WRITABLE | PTE_UNCACHED | user;
    default:
        return 0;
    }
}

/* The table below an entry: made when there is none, and with the same map as before when the entry
 * was a large page.
 */
static uint64_t *descend(uint64_t *entry, unsigned level)
{
    uint64_t *table;

    if ((*entry & PTE_PRESENT) && !is_leaf(*entry, level))
        return table_of(*entry);
    table = memory_boot_pages(1);
    if (*entry & PTE_PRESENT) {
        uint64_t lower = level - 1 == LEVEL_4K ? *entry & ~PTE_LARGE : *entry;
        for (unsigned i = 0; i < ENTRIES; i++)
            table[i] = lower + i * span_of(level - 1);
    }
    *entry = gpa_of(table) | PTE_TABLE;
    return table;
}

static void set_range(uint64_t *table, unsigned level, uint64_t start, uint64_t end, uint64_t bits)
{
    uint64_t span = span_of(level);
    for (uint64_t at = start, next; at < end; at = next) {
        uint64_t *entry;
        bool is_table;

        next = (at & ~(span - 1)) + span;
        if (next > end)
            next = end;
        entry = entry_of(table, at, level);
        is_table = (*entry & PTE_PRESENT) && !is_leaf(*entry, level);
        if (level == LEVEL_4K || (next - at == span && level <= paging.largest_leaf && !is_table))
            *entry = bits == 0 ? 0 : at | bits | (level == LEVEL_4K ? 0 : PTE_LARGE);
        else
            set_range(descend(entry, level), level - 1, at, next, bits);
    }
}

bool paging_live(void)
{
    return paging.live;
}

void paging_set(uint64_t gpa, uint64_t length, enum paging_access access)
{
    set_range(paging.root, paging.levels, gpa, gpa + length, bits_of(access));
    if (!paging.live)
        return;
    if (length / PAGE_SIZE >= FLUSH_ALL_PAGES)
        cr3_write(cr3_read());
    else
        for (uint64_t at = gpa; at < gpa + length; at += PAGE_SIZE)
            tlb_flush_page(at);
}

enum paging_access paging_get(uint64_t gpa)
{
    uint64_t *table = paging.root;
    for (unsigned level = paging.levels; level >= LEVEL_4K; level--) {
        uint64_t entry = *entry_of(table, gpa, level);
        unsigned user;

        if (!(entry & PTE_PRESENT))
            break;
        if (!is_leaf(entry, level)) {
            table = table_of(entry);
            continue;
        }
        user = entry & PTE_USER ? PAGING_USER : 0;
        if (!(entry & PTE_NX))
            return (enum paging_access)((entry & PTE_WRITABLE ? PAGING_RWX : PAGING_RX) | user);
        if (!(entry & PTE_WRITABLE))
            return (enum paging_access)(PAGING_RO | user);
        return (enum paging_access)((entry & PTE_PCD ? PAGING_MMIO : PAGING_RW) | user);
    }
    return PAGING_NONE;
}

const uint64_t *paging_root(unsigned *levels)
{
    *levels = paging.levels;
    return paging.root;
}

volatile void *paging_map_mmio(uint64_t gpa, uint64_t length)
{
    uint64_t start;
    uint64_t end;

    if (gpa >= PAGING_GPA_LIMIT || length > PAGING_GPA_LIMIT - gpa)
        return NULL;
    start = gpa & ~(PAGE_SIZE - 1);
    end = (gpa + length + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    for (uint64_t at = start; at < end; at += PAGE_SIZE) {
        if (paging_get(at) != PAGING_MMIO) {
            paging_set(at, end - at, PAGING_MMIO);
            break;
        }
    }
    return gpa_pointer(gpa);
}

/* Permissions of all levels count together: writable only if all are, executable only if none
 * forbids it. */
static size_t count_wx(const uint64_t *table, unsigned level, bool writable, bool executable)
{
    size_t count = 0;
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t entry = table[i];
        bool w;
        bool x;

        if (!(entry & PTE_PRESENT))
            continue;
        w = writable && (entry & PTE_WRITABLE);
        x = executable && !(entry & PTE_NX);
        if (is_leaf(entry, level))
            count += w && x;
        else
            count += count_wx(table_of(entry), level - 1, w, x);
    }
    return count;
}

size_t paging_count_wx(void)
{
    unsigned levels;

    /* Without these two the bits in the tables would mean nothing. */
    if (!(cr0_read() & CR0_WP) || !(cpu_rdmsr(MSR_EFER) & EFER_NXE))
        return SIZE_MAX;
    levels = cr4_read() & CR4_LA57 ? 5 : 4;
    return count_wx(table_of(cr3_read()), levels, true, true);
}

static enum paging_access access_of(const struct memory_region *region)
{
    switch (region->kind) {
    case MEMORY_FREE:
    case MEMORY_IMAGE_DATA:
    case MEMORY_RUNTIME_DATA:
        return PAGING_RW;
    case MEMORY_IMAGE_TEXT:
    case MEMORY_RUNTIME_CODE:
        return PAGING_RX;
    case MEMORY_IMAGE_RODATA:
    case MEMORY_ACPI:
        return PAGING_RO;
    case MEMORY_MMIO:
        return PAGING_MMIO;
    case MEMORY_RESERVED:
        break;
    }
    /* Firmware reports PCI configuration space as reserved; below 4 GiB it is mapped like the
     * registers around it. */
    return region->start + region->length <= 4 * SIZE_1G ? PAGING_MMIO : PAGING_NONE;
}

static void map_regions(const struct boot_info *info)
{
    uint64_t covered = 0;
    for (size_t i = 0; i < info->region_count; i++) {
        const struct memory_region *region = &info->regions[i];
        enum paging_access access;

        if (region->start > covered && covered < 4 * SIZE_1G) {
            uint64_t end = region->start < 4 * SIZE_1G ? region->start : 4 * SIZE_1G;
            paging_set(covered, end - covered, PAGING_MMIO);
        }
        access = access_of(region);
        if (access != PAGING_NONE)
            paging_set(region->start, region->length, access);
        covered = region->start + region->length;
    }
    if (covered < 4 * SIZE_1G)
        paging_set(covered, 4 * SIZE_1G - covered, PAGING_MMIO);
    /* A null pointer must fault. */
    paging_set(0, PAGE_SIZE, PAGING_NONE);
}

void paging_init(const struct boot_info *info)
{
    bool has_1g = cpu_cpuid(CPUID_EXTENDED, 0).edx & CPUID_EXTENDED_EDX_1G;
    uint64_t efer;

    paging.largest_leaf = has_1g ? LEVEL_1G : LEVEL_1G - 1;
    paging.levels = cr4_read() & CR4_LA57 ? 5 : 4;
    paging.root = memory_boot_pages(1);
    map_regions(info);

    efer = cpu_rdmsr(MSR_EFER);
    if (!(efer & EFER_NXE))
        cpu_wrmsr(MSR_EFER, efer | EFER_NXE);
    /* SMEP and SMAP off: user_call() opens a kernel text page to CPL 3 while the kernel runs in it.
     * CET off before WP changes. */
    cr4_write((cr4_read() & (CR4_LA57 | CR4_OSXSAVE | CR4_MCE)) | CR4_PAE | CR4_OSFXSR |
              CR4_OSXMMEXCPT);
    cr0_write((cr0_read() & ~(CR0_EM | CR0_TS | CR0_AM | CR0_NW | CR0_CD)) | CR0_MP | CR0_NE |
              CR0_WP);
    cr3_write(gpa_of(paging.root));
    paging.live = true;
}
