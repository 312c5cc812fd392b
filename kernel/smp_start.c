/* SPDX-License-Identifier: MIT */
#include "kernel/smp_start.h"

#include <stddef.h>

#include "kernel/control.h"
#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/regions.h"
#include "lib/string.h"

#define LOW_FIRST                                                                                  \
    0x10000ull /* below it firmware keeps tables of its own, whatever the map says                 \
                */
#define LOW_END 0xA0000ull

#define CODE32     0x08
#define CODE64     0x10
#define GDT_CODE32 0x00CF9B000000FFFFull
#define GDT_CODE64 0x00AF9B000000FFFFull
#define GDT_DATA   0x00CF93000000FFFFull

#define EFER_LME (1ull << 8)

/* Known to smp_start.S by offset. */
struct parameters {
    uint16_t gdt_limit;
    uint32_t gdt_base;
    uint16_t padding;
    uint32_t far32;
    uint16_t selector32, padding32;
    uint32_t far64;
    uint16_t selector64, padding64;
    uint32_t cr0, cr3_low, cr4, efer;
    uint64_t cr3, stack, entry;
    uint32_t base, padding_base;
    uint64_t gdt[4];
} __attribute__((packed));
_Static_assert(offsetof(struct parameters, far32) == 8, "smp_start.S");
_Static_assert(offsetof(struct parameters, far64) == 16, "smp_start.S");
_Static_assert(offsetof(struct parameters, cr0) == 24, "smp_start.S");
_Static_assert(offsetof(struct parameters, cr3) == 40, "smp_start.S");
_Static_assert(offsetof(struct parameters, base) == 64, "smp_start.S");
_Static_assert(sizeof(struct parameters) == 104, "smp_start.S");

#define HIDDEN __attribute__((visibility("hidden")))
extern const uint8_t smp_start_code[] HIDDEN, smp_start_protected[] HIDDEN, smp_start_long[] HIDDEN;
extern const uint8_t smp_start_parameters[] HIDDEN, smp_start_end[] HIDDEN;

static uint64_t page; /* code and parameters; the next one holds a copy of the top page table */

static uint32_t in_copy(const uint8_t *original)
{
    return (uint32_t)(page + gpa_of(original) - gpa_of(smp_start_code));
}

bool smp_start_prepare(void (*entry)(void), uint64_t stack_top)
{
    struct parameters parameters;
    uint32_t at;

    if (page == 0) {
        uint64_t found = regions_find(LOW_FIRST, 2 * PAGE_SIZE, PAGE_SIZE, 0, 0);

        if (found == 0 || found + 2 * PAGE_SIZE > LOW_END)
            return false;
        page = found;
    }
    at = in_copy(smp_start_parameters);
    parameters = (struct parameters){
        .gdt_limit = sizeof(parameters.gdt) - 1,
        .gdt_base = at + offsetof(struct parameters, gdt),
        .far32 = in_copy(smp_start_protected),
        .selector32 = CODE32,
        .far64 = in_copy(smp_start_long),
        .selector64 = CODE64,
        .cr0 = (uint32_t)cr0_read(),
        .cr3_low = (uint32_t)(page + PAGE_SIZE),
        .cr4 = (uint32_t)cr4_read(),
        .efer = (uint32_t)(EFER_LME | (cpu_rdmsr(MSR_EFER) & EFER_NXE)),
        .cr3 = cr3_read(),
        .stack = stack_top,
        .entry = (uint64_t)entry,
        .base = (uint32_t)page,
        .gdt = {0, GDT_CODE32, GDT_CODE64, GDT_DATA},
    };
    paging_set(page, 2 * PAGE_SIZE, PAGING_RW);
    memcpy(gpa_pointer(page), smp_start_code, gpa_of(smp_start_end) - gpa_of(smp_start_code));
    memcpy(gpa_pointer(at), &parameters, sizeof(parameters));
    paging_set(page, PAGE_SIZE, PAGING_RX);
    memcpy(gpa_pointer(page + PAGE_SIZE), gpa_pointer(cr3_read() & ~(PAGE_SIZE - 1)), PAGE_SIZE);
    return true;
}

unsigned smp_start_page(void)
{
    return (unsigned)(page / PAGE_SIZE);
}
