/* SPDX-License-Identifier: MIT */
/*
 * Handlers of the exits, one file each. Each does what the instruction would have done and moves
 * RIP past it, or injects the exception that the processor owes the guest; `regs` are the guest's
 * registers but for RAX and RSP, which are in the VMCB. None fails: whatever the guest asks for has
 * an answer. Called with the host's lock.
 */
#ifndef PVT_HOST_CPU_EXIT_H
#define PVT_HOST_CPU_EXIT_H

#include "host/cpu/cpu.h"

typedef void exit_handler(struct cpu *cpu, struct guest_registers *regs);
/* Called by handle_exit(). Written before launch only. */
struct exit_handlers {
    exit_handler *hypercall, *cpuid, *msr, *io, *nested_page_fault, *invalid;
};
extern struct exit_handlers exit_handlers;

/* VMMCALL: #UD from CPL 3 (TLFS 3.6), else the call in RCX, RDX and R8. */
void exit_hypercall(struct cpu *cpu, struct guest_registers *regs);
/* The processor's answer, without SVM and with the leaves of the hypervisor (TLFS 2.4). */
void exit_cpuid(struct cpu *cpu, struct guest_registers *regs);
/* RDMSR and WRMSR: synthetic MSRs, EFER and what starts processors; #GP for the others that trap.
 */
void exit_msr(struct cpu *cpu, struct guest_registers *regs);
/* IN, OUT and their string forms on ports that the host filters: configuration space, fw_cfg's DMA.
 */
void exit_io(struct cpu *cpu, struct guest_registers *regs);
/* A GPA that the nested tables leave out: registers that are emulated, or memory that is not the
 * guest's (#GP). */
void exit_nested_page_fault(struct cpu *cpu, struct guest_registers *regs);

#endif
