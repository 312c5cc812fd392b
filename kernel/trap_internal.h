/* SPDX-License-Identifier: MIT */
/* Between the vector dispatcher and those who take control back. */
#ifndef PVT_KERNEL_TRAP_INTERNAL_H
#define PVT_KERNEL_TRAP_INTERNAL_H

struct cpu;
struct trap_frame;

/* Called from vectors.S; returns only after interrupts. */
void trap_dispatch(struct trap_frame *frame);

/* Ends the containment when its deadline has passed, else arms the timer again. */
void containment_timer(struct cpu *cpu, const struct trap_frame *frame);
void containment_exception(struct cpu *cpu, const struct trap_frame *frame)
    __attribute__((noreturn));

void user_run_init(struct cpu *cpu);
void user_run_end(struct cpu *cpu, const struct trap_frame *frame) __attribute__((noreturn));
/* Takes the CPL 3 access away again; harmless when none was given. */
void user_run_unmap(struct cpu *cpu);

/* A system call or an exception of the process that runs: back to user_process_run(). */
void user_process_stop(struct cpu *cpu, const struct trap_frame *frame) __attribute__((noreturn));

#endif
