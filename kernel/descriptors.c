/* SPDX-License-Identifier: MIT */
/* GDT, TSS and IDT (APM volume 2, 4.8 and 8.9), and the stacks that the TSS points to. */
#include <stdint.h>

#include "kernel/memory.h"
#include "kernel/paging.h"
#include "kernel/percpu.h"
#include "kernel/user_process.h"

#define DESCRIPTOR_CODE64_CPL0 0x00AF9B000000FFFFull
#define DESCRIPTOR_DATA_CPL0   0x00CF93000000FFFFull
#define DESCRIPTOR_DATA_CPL3   0x00CFF3000000FFFFull
#define DESCRIPTOR_CODE64_CPL3 0x00AFFB000000FFFFull
#define DESCRIPTOR_TSS         (0x89ull << 40) /* present, available 64-bit TSS */

#define GATE_INTERRUPT 0x8E
#define GATE_DPL3      0x60

#define MAIN_STACK_PAGES  64
#define OTHER_STACK_PAGES 4

#define VECTORS    256
#define ENTRY_SIZE 7 /* of the code in vectors.S */

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "64-bit gate");

extern const char trap_entries[] __attribute__((visibility("hidden")));
void descriptors_load(const struct table_register *gdt, const struct table_register *idt);

static struct {
    uint64_t gdt[SELECTOR_TSS_FIRST / 8 + 2 * CPUS_MAX];
    struct gate *idt;
    struct cpu *cpus[CPUS_MAX];
    struct cpu first; /* usable before memory_boot_pages() */
} tables;

static enum stack_index stack_of_vector(unsigned vector)
{
    enum { VECTOR_NMI = 2, VECTOR_MC = 18, VECTOR_FIRST_INTERRUPT = 32 };
    switch (vector) {
    case TRAP_DF:
        return STACK_DF;
    case VECTOR_NMI:
        return STACK_NMI;
    case VECTOR_MC:
        return STACK_MC;
    default:
        return vector < VECTOR_FIRST_INTERRUPT ? STACK_EXCEPTION : STACK_INTERRUPT;
    }
}

/* The way out of user_call(), and system calls. */
static bool open_to_users(unsigned vector)
{
    return vector == TRAP_BP || vector == VECTOR_USER_CALL;
}

static void build_shared(void)
{
    tables.gdt[SELECTOR_KERNEL_CODE / 8] = DESCRIPTOR_CODE64_CPL0;
    tables.gdt[SELECTOR_KERNEL_DATA / 8] = DESCRIPTOR_DATA_CPL0;
    tables.gdt[SELECTOR_USER_DATA / 8] = DESCRIPTOR_DATA_CPL3;
    tables.gdt[SELECTOR_USER_CODE / 8] = DESCRIPTOR_CODE64_CPL3;

    tables.idt = memory_boot_pages(VECTORS * sizeof(struct gate) / PAGE_SIZE);
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint64_t entry = (uint64_t)trap_entries + (uint64_t)vector * ENTRY_SIZE;
        tables.idt[vector] = (struct gate){
            .offset_low = (uint16_t)entry,
            .selector = SELECTOR_KERNEL_CODE,
            .ist = (uint8_t)stack_of_vector(vector),
            .type = (uint8_t)(GATE_INTERRUPT | (open_to_users(vector) ? GATE_DPL3 : 0)),
            .offset_middle = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
        };
    }
}

/* The lowest page is not mapped: an overflow faults instead of running into other data. */
static struct stack stack_new(size_t pages)
{
    uint64_t guard = gpa_of(memory_boot_pages(pages + 1));
    paging_set(guard, PAGE_SIZE, PAGING_NONE);
    return (struct stack){.bottom = guard + PAGE_SIZE, .top = guard + (pages + 1) * PAGE_SIZE};
}

void descriptors_reload(void)
{
    const struct table_register gdt = {.limit = sizeof(tables.gdt) - 1,
                                       .base = (uint64_t)tables.gdt};
    const struct table_register idt = {.limit = VECTORS * sizeof(struct gate) - 1,
                                       .base = (uint64_t)tables.idt};
    descriptors_load(&gdt, &idt);
}

void descriptors_prepare(unsigned index)
{
    struct cpu *cpu;

    if (!tables.idt)
        build_shared();
    if (tables.cpus[index])
        return;
    cpu = index == 0 ? &tables.first
                     : memory_boot_pages((sizeof(struct cpu) + PAGE_SIZE - 1) / PAGE_SIZE);
    for (unsigned i = 0; i < STACK_COUNT; i++) {
        cpu->stacks[i] = stack_new(i == STACK_MAIN ? MAIN_STACK_PAGES : OTHER_STACK_PAGES);
        if (i != STACK_MAIN)
            cpu->tss.ist[i - 1] = cpu->stacks[i].top;
    }
    cpu->tss.rsp[0] = cpu->stacks[STACK_INTERRUPT].top;
    cpu->tss.io_map = sizeof(cpu->tss); /* beyond the limit: no I/O port at CPL 3 */
    tables.cpus[index] = cpu;
}

void descriptors_load_for(unsigned index)
{
    const struct cpu *cpu = tables.cpus[index];
    uint64_t base = (uint64_t)&cpu->tss;
    /* Written each time: a processor that starts again finds its TSS marked as busy. */
    uint64_t *descriptor = &tables.gdt[SELECTOR_TSS_FIRST / 8 + (size_t)index * 2];
    descriptor[0] = DESCRIPTOR_TSS | (sizeof(cpu->tss) - 1) | (base & 0xFFFFFF) << 16 |
                    (base >> 24 & 0xFF) << 56;
    descriptor[1] = base >> 32;
    descriptors_reload();
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS_FIRST + index * 16) : "memory");
}

struct cpu *cpu_at(unsigned index)
{
    return tables.cpus[index];
}

struct cpu *cpu_this(void)
{
    unsigned index;

    if (!tables.cpus[0])
        return &tables.first;
    index = (task_register() - (unsigned)SELECTOR_TSS_FIRST) / 16;
    return index < CPUS_MAX && tables.cpus[index] ? tables.cpus[index] : tables.cpus[0];
}

const struct stack *cpu_stack_of(const struct cpu *cpu, uint64_t address, size_t length)
{
    for (unsigned i = 0; i < STACK_COUNT; i++) {
        const struct stack *stack = &cpu->stacks[i];
        if (address >= stack->bottom && address < stack->top && length <= stack->top - address)
            return stack;
    }
    return NULL;
}
