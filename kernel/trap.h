/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and containment. Whatever a test does to the processor, control comes back to the
 * harness: by return, by containment_abort(), by an exception, or by the deadline timer.
 */
#ifndef PVT_KERNEL_TRAP_H
#define PVT_KERNEL_TRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trap_vector {
    TRAP_DB = 1,
    TRAP_BP = 3,
    TRAP_UD = 6,
    TRAP_DF = 8,
    TRAP_GP = 13,
    TRAP_PF = 14,
    TRAP_NONE = 256
};

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

#define BACKTRACE_MAX 16

struct trap_report {
    struct trap_frame frame;
    uint64_t cr2;
    size_t backtrace_count;
    uint64_t backtrace[BACKTRACE_MAX]; /* return addresses, innermost first */
};

enum containment_end {
    CONTAINMENT_RETURNED,
    CONTAINMENT_ABORTED,
    CONTAINMENT_EXCEPTION,
    CONTAINMENT_DEADLINE
};

/* Installs GDT, TSS with interrupt stacks (guard pages below each), IDT. */
void trap_init(void);

/* Runs fn(argument) with interrupts on and the deadline timer armed (microseconds from now, 0 =
 * none). *report is filled on CONTAINMENT_EXCEPTION and CONTAINMENT_DEADLINE (where the processor
 * was). Does not nest. */
enum containment_end containment_run(void (*fn)(void *argument), void *argument,
                                     uint64_t deadline_us, struct trap_report *report);
/* Ends the current containment_run() at once; never returns. Panics outside of one. */
void containment_abort(void) __attribute__((noreturn));

/* Runs fn(argument) and catches an exception in it: returns its vector, or TRAP_NONE. Nests inside
 * containment_run(). *error (may be NULL) is the error code. */
enum trap_vector trap_catch(void (*fn)(void *argument), void *argument, uint64_t *error);

/* RDMSR/WRMSR that report the exception instead of dying: TRAP_NONE, TRAP_GP, ... */
enum trap_vector msr_read_safe(uint32_t msr, uint64_t *value);
enum trap_vector msr_write_safe(uint32_t msr, uint64_t value);

/* Calls the code at `entry` at CPL 3 with a stack of its own and RCX, RDX, R8 set as given; ends at
 * the first exception (which is returned) or when the code executes INT3 (returns TRAP_BP) or by
 * the deadline. Code and stack pages are mapped user-accessible only while it runs. *rax (may be
 * NULL) is RAX at the end. */
enum trap_vector user_call(const void *entry, uint64_t rcx, uint64_t rdx, uint64_t r8,
                           uint64_t *rax);

/* Prints registers and backtrace, then powers off with an error code. */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
