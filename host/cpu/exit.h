/* SPDX-License-Identifier: MIT */
/* Handlers of the exits, one file each. */
#ifndef PVT_HOST_CPU_EXIT_H
#define PVT_HOST_CPU_EXIT_H

#include "host/cpu/cpu.h"

void exit_hypercall(struct cpu *cpu, struct guest_registers *regs);
void exit_cpuid(struct cpu *cpu, struct guest_registers *regs);
void exit_msr(struct cpu *cpu, struct guest_registers *regs);
void exit_io(struct cpu *cpu, struct guest_registers *regs);
void exit_nested_page_fault(struct cpu *cpu, struct guest_registers *regs);

#endif
