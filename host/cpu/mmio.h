/* SPDX-License-Identifier: MIT */
/* Accesses of the guest to registers that the host emulates. */
#ifndef PVT_HOST_CPU_MMIO_H
#define PVT_HOST_CPU_MMIO_H

#include <stdbool.h>

#include "host/cpu/cpu.h"

/* The access of the nested page fault that the VMCB describes: true when it was carried out and RIP
 * is after the instruction. False when no range covers the address or the instruction cannot be
 * emulated. */
bool mmio_access(struct cpu *cpu, struct guest_registers *regs);

#endif
