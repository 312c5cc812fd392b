/* SPDX-License-Identifier: MIT */
/*
 * What each processor has for itself. The task register tells which processor this is: unlike GS,
 * no test and no CPL 3 code changes it by accident.
 */
#ifndef PVT_KERNEL_PERCPU_H
#define PVT_KERNEL_PERCPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/context.h"
#include "kernel/control.h"
#include "kernel/trap.h"

#define CPUS_MAX 8

enum selector {
    SELECTOR_KERNEL_CODE = 0x08,
    SELECTOR_KERNEL_DATA = 0x10,
    SELECTOR_USER_DATA = 0x18,
    SELECTOR_USER_CODE = 0x20,
    SELECTOR_TSS_FIRST = 0x28, /* 16 bytes per processor */
};

/* Interrupt stack table. Ordinary exceptions have a stack of their own too: a test may fault
 * because its RSP is bad. */
enum stack_index {
    STACK_MAIN,
    STACK_DF,
    STACK_NMI,
    STACK_MC,
    STACK_INTERRUPT,
    STACK_EXCEPTION,
    STACK_COUNT
};

struct stack {
    uint64_t bottom, top;
};

/* One active trap_catch(); innermost first. */
struct trap_catcher {
    struct context context;
    struct trap_catcher *outer;
    enum trap_vector vector;
    uint64_t error;
};

struct containment {
    struct context context;
    bool active;
    uint64_t deadline_ns; /* on the scale of time_ns(); 0 = none */
    uint64_t cr0, cr3, cr4;
    enum containment_end end;
    struct trap_report *report;
};

struct user_run {
    struct context context;
    bool active;
    enum trap_vector vector;
    uint64_t rax;
    uint64_t stack, return_page; /* one page each */
    uint64_t code;               /* first user-accessible code page while active */
    int code_access[2];          /* what to restore, per page */
};

struct user_process;

/* Long-mode TSS (APM volume 2, 12.2.5). */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; /* ist[n - 1] is IST n */
    uint64_t reserved2;
    uint16_t reserved3, io_map;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "64-bit TSS");

struct cpu {
    struct tss tss;
    struct stack stacks[STACK_COUNT];
    struct trap_catcher *catcher;
    struct containment containment;
    struct user_run user;
    struct user_process *process; /* whose program is running; NULL in the kernel */
    bool panicking;
};

/* Before trap_init() only processor 0 exists and the task register is not ours yet. */
struct cpu *cpu_this(void);
/* A prepared processor. */
struct cpu *cpu_at(unsigned index);
/* The stack that holds [address, address + length), or NULL. */
const struct stack *cpu_stack_of(const struct cpu *cpu, uint64_t address, size_t length);

/* Loads GDT, IDT and segment registers again: a test may have replaced them. */
void descriptors_reload(void);
/* Stacks and TSS of processor `index`, once; builds the shared tables on the first call. Runs on
 * the first processor.
 */
void descriptors_prepare(unsigned index);
/* Tables, segments and task register of the running processor, which becomes number `index`. */
void descriptors_load_for(unsigned index);

#endif
