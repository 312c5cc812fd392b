/* SPDX-License-Identifier: MIT */
/* Exceptions for the guest, and the step over an instruction that the host carried out. */
#ifndef PVT_HOST_CPU_INJECT_H
#define PVT_HOST_CPU_INJECT_H

#include <stdint.h>

#include "host/base/instructions.h"
#include "host/cpu/cpu.h"

/* The instruction at RIP is not carried out; the guest sees the exception there. #GP and #DF get
 * the error code 0. */
void inject_exception(struct cpu *cpu, const struct guest_registers *regs, enum exception vector);

/* RIP goes on by `length` bytes. */
void skip_instruction(struct vmcb *guest, unsigned length);
/* QEMU's emulation does not report the next RIP. `length` is that of the instruction without
 * prefixes, which are counted in the guest's code; they are taken for none when it cannot be read.
 */
void skip_prefixed_instruction(struct vmcb *guest, unsigned length);

#endif
