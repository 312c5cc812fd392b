/* SPDX-License-Identifier: MIT */
#include "kernel/regions.h"

#include "kernel/boot_info.h"
#include "kernel/cpu.h"
#include "kernel/memory.h"
#include "kernel/trap.h"

#define CPUID_MAX_EXTENDED       0x80000000u
#define CPUID_ADDRESS_SIZES      0x80000008u
#define PHYSICAL_BITS_IF_UNKNOWN 36

static const struct boot_info *boot;

void regions_init(const struct boot_info *info)
{
    boot = info;
}

static bool overlap(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length)
{
    return a < b + b_length && b < a + a_length;
}

bool regions_free(uint64_t start, uint64_t length)
{
    for (size_t i = 0; i < boot->region_count; i++) {
        const struct memory_region *r = &boot->regions[i];
        if (r->kind == MEMORY_FREE && start >= r->start && start - r->start < r->length &&
            length <= r->length - (start - r->start))
            return true;
    }
    return false;
}

uint64_t regions_find(uint64_t minimum, uint64_t length, uint64_t align, uint64_t avoid,
                      uint64_t avoid_length)
{
    for (size_t i = 0; i < boot->region_count; i++) {
        const struct memory_region *r = &boot->regions[i];
        uint64_t start;

        if (r->kind != MEMORY_FREE)
            continue;
        start = r->start > minimum ? r->start : minimum;
        start = (start + align - 1) & ~(align - 1);
        if (overlap(start, length, avoid, avoid_length))
            start = (avoid + avoid_length + align - 1) & ~(align - 1);
        if (regions_free(start, length) && start >= r->start)
            return start;
    }
    return 0;
}

static bool is_our_kind(enum memory_kind kind)
{
    return kind == MEMORY_FREE || kind == MEMORY_IMAGE_TEXT || kind == MEMORY_IMAGE_RODATA ||
           kind == MEMORY_IMAGE_DATA;
}

bool memory_is_ours(uint64_t gpa, uint64_t length)
{
    uint64_t at;

    if (length == 0 || gpa + length < gpa)
        return false;
    at = gpa;
    for (size_t i = 0; i < boot->region_count && at < gpa + length; i++) {
        const struct memory_region *r = &boot->regions[i];
        if (is_our_kind(r->kind) && at >= r->start && at - r->start < r->length)
            at = r->start + r->length;
    }
    return at >= gpa + length;
}

unsigned memory_physical_bits(void)
{
    if (cpu_cpuid(CPUID_MAX_EXTENDED, 0).eax < CPUID_ADDRESS_SIZES)
        return PHYSICAL_BITS_IF_UNKNOWN;
    return cpu_cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xFF;
}

uint64_t memory_hole(void)
{
    /* Firmware puts its 64-bit PCI window either close to the RAM or into the topmost eighth of the
     * address space, and no memory map shows it. Start well below that eighth and go down. */
    const unsigned slices = 64, first_slice = 40;
    uint64_t slice = (1ull << memory_physical_bits()) / slices;
    for (unsigned i = first_slice; i > 0; i--) {
        uint64_t hole = i * slice;
        bool covered = false;
        for (size_t n = 0; n < boot->region_count; n++)
            covered |= overlap(hole, PAGE_SIZE, boot->regions[n].start, boot->regions[n].length);
        if (!covered && hole >= 4 * SIZE_1G)
            return hole;
    }
    panic("no unused address found below the %u-bit physical address limit",
          memory_physical_bits());
}

const struct memory_region *memory_regions(size_t *count)
{
    *count = boot->region_count;
    return boot->regions;
}
