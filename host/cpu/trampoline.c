/* SPDX-License-Identifier: MIT */
#include "host/cpu/trampoline.h"

#include <stddef.h>

#include "host/base/instructions.h"
#include "host/base/memory.h"
#include "host/cpu/descriptor_tables.h"
#include "lib/bits.h"
#include "lib/string.h"

#define GDT_CODE 0x00AF9B000000FFFFull
#define GDT_DATA 0x00CF93000000FFFFull

/* Known to trampoline.S by offset. */
struct trampoline_parameters {
    uint16_t gdt_limit;
    uint32_t gdt_base;
    uint16_t padding1;
    uint32_t far_offset;
    uint16_t far_selector, padding2;
    uint32_t cr0, cr3, cr4, efer;
    uint64_t stack, entry, argument;
    uint64_t gdt[3];
} __attribute__((packed));
_Static_assert(offsetof(struct trampoline_parameters, far_offset) == 8, "trampoline.S");
_Static_assert(offsetof(struct trampoline_parameters, cr0) == 16, "trampoline.S");
_Static_assert(offsetof(struct trampoline_parameters, stack) == 32, "trampoline.S");
_Static_assert(sizeof(struct trampoline_parameters) == 80, "trampoline.S");

extern const uint8_t trampoline_code[], trampoline_long_mode[], trampoline_parameters[],
    trampoline_end[];

static uint64_t page;

static uint32_t in_copy(const uint8_t *original)
{
    return (uint32_t)(page + (uintptr_t)original - (uintptr_t)trampoline_code);
}

void trampoline_init(uint64_t low)
{
    page = low;
    memcpy((void *)(uintptr_t)page, trampoline_code,
           (uintptr_t)trampoline_end - (uintptr_t)trampoline_code);
    memcpy((void *)(uintptr_t)(page + PAGE_SIZE), (const void *)(uintptr_t)cr3_read(), PAGE_SIZE);
}

void trampoline_aim(void (*entry)(void *argument), void *argument, uint8_t *stack_top)
{
    uint32_t at = in_copy(trampoline_parameters);
    struct trampoline_parameters parameters = {
        .gdt_limit = sizeof(parameters.gdt) - 1,
        .gdt_base = at + offsetof(struct trampoline_parameters, gdt),
        .far_offset = in_copy(trampoline_long_mode),
        .far_selector = SELECTOR_CODE,
        .cr0 = (uint32_t)cr0_read(),
        .cr3 = (uint32_t)(page + PAGE_SIZE),
        .cr4 = (uint32_t)cr4_read(),
        /* SVME comes later, LMA is the processor's. */
        .efer = (uint32_t)(cpu_rdmsr(MSR_EFER) & (EFER_LME | EFER_NXE)),
        .stack = (uintptr_t)stack_top,
        .entry = (uintptr_t)entry,
        .argument = (uintptr_t)argument,
        .gdt = {0, GDT_CODE, GDT_DATA},
    };

    memcpy((void *)(uintptr_t)at, &parameters, sizeof(parameters));
}

uint8_t trampoline_vector(void)
{
    return (uint8_t)(page / PAGE_SIZE);
}
