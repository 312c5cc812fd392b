/* SPDX-License-Identifier: MIT */
#include "host/cpu/descriptor_tables.h"

#include "host/base/instructions.h"
#include "host/base/memory.h"
#include "lib/bits.h"

#define GDT_ENTRIES     5 /* the TSS takes two */
#define IDT_ENTRIES     32
#define IST_ALL         1
#define EXCEPTION_PAGES 2

#define GDT_CODE        0x00AF9B000000FFFFull
#define GDT_DATA        0x00CF93000000FFFFull
#define GDT_TSS_PRESENT 0x0000890000000000ull
#define GDT_TSS_BUSY    0x0000020000000000ull
#define GATE_INTERRUPT  0x8E00u

struct gate {
    uint16_t offset_15_0, selector;
    uint16_t type; /* GATE_INTERRUPT | number of the stack in the TSS */
    uint16_t offset_31_16;
    uint32_t offset_63_32, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "gate of long mode");

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map_base;
} __attribute__((packed));

/* One page per processor. */
struct cpu_tables {
    uint64_t gdt[GDT_ENTRIES];
    struct gate idt[IDT_ENTRIES];
    struct tss tss;
};
_Static_assert(sizeof(struct cpu_tables) <= PAGE_SIZE, "tables of one processor fit into a page");

/* exceptions.S: one stub of this size per vector. */
extern const uint8_t exception_stubs[];
#define EXCEPTION_STUB_SIZE 16

static struct cpu_tables *tables_of[HOST_CPUS_MAX];

static void fill(struct cpu_tables *tables)
{
    uint64_t tss = (uintptr_t)&tables->tss;
    uint64_t limit = sizeof(tables->tss) - 1;

    tables->gdt[SELECTOR_CODE / 8] = GDT_CODE;
    tables->gdt[SELECTOR_DATA / 8] = GDT_DATA;
    tables->gdt[SELECTOR_TSS / 8] =
        GDT_TSS_PRESENT | limit | ((tss & 0xFFFFFF) << 16) | ((tss & 0xFF000000) << 32);
    tables->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
    tables->tss.io_map_base = sizeof(tables->tss);
    /* A stack of its own: an exception that comes from an overflown stack can still be logged. */
    tables->tss.ist[IST_ALL - 1] =
        (uintptr_t)host_pages(EXCEPTION_PAGES) + EXCEPTION_PAGES * PAGE_SIZE;
    for (unsigned vector = 0; vector < IDT_ENTRIES; vector++) {
        uint64_t stub = (uintptr_t)exception_stubs + vector * EXCEPTION_STUB_SIZE;

        tables->idt[vector] = (struct gate){
            .offset_15_0 = (uint16_t)stub,
            .selector = SELECTOR_CODE,
            .type = GATE_INTERRUPT | IST_ALL,
            .offset_31_16 = (uint16_t)(stub >> 16),
            .offset_63_32 = (uint32_t)(stub >> 32),
        };
    }
}

void descriptor_tables_load(struct cpu *cpu)
{
    struct descriptor_register gdtr = {.limit = sizeof(tables_of[0]->gdt) - 1};
    struct descriptor_register idtr = {.limit = sizeof(tables_of[0]->idt) - 1};
    struct cpu_tables *tables = tables_of[cpu->index];

    if (!tables) {
        tables = host_pages(1);
        tables_of[cpu->index] = tables;
        fill(tables);
    }

    /* LTR has marked it as busy, where the processor starts for the second time. */
    tables->gdt[SELECTOR_TSS / 8] &= ~GDT_TSS_BUSY;
    gdtr.base = (uintptr_t)tables->gdt;
    idtr.base = (uintptr_t)tables->idt;

    __asm__ volatile("lgdt %0\n\t"
                     "lidt %1\n\t"
                     "pushq %2\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "movl %3, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "movl %%eax, %%fs\n\t"
                     "movl %%eax, %%gs\n\t"
                     "lldt %%ax\n\t"
                     "movl %4, %%eax\n\t"
                     "ltr %%ax\n\t" ::"m"(gdtr),
                     "m"(idtr), "i"(SELECTOR_CODE), "i"(SELECTOR_DATA), "i"(SELECTOR_TSS)
                     : "rax", "memory");
    cpu_wrmsr(MSR_GS_BASE, (uintptr_t)cpu);
}
