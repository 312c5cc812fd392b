/* SPDX-License-Identifier: MIT */
/* Calls of 32-bit code: parameters and results in pairs of registers. */
#include "abi/hypercall.h"
#include "host/cpu/exit.h"
#include "host/cpu/insn_fetch.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"

static void (*right_hypercall)(struct cpu *cpu, struct guest_registers *regs);

static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    const uint64_t rip = cpu->guest->rip, rdx = regs->rdx, rbx = regs->rbx;
    bool again;

    if (insn_is_64_bit(cpu->guest)) {
        right_hypercall(cpu, regs);
        return;
    }
    if (defect_active(DEFECT_INPUT_LOW_OF_PAIR))
        regs->rbx = 0;
    right_hypercall(cpu, regs);
    regs->rbx = rbx;
    again = cpu->guest->rip == rip;
    if (again && defect_active(DEFECT_CONTINUED_PAIR_OLD))
        regs->rdx = rdx;
    if (again && defect_active(DEFECT_CONTINUED_PAIR_LOST))
        regs->rdx = 0;
}

void defects_install_calls_of_32_bits(void)
{
    if (!ANY(DEFECT_INPUT_LOW_OF_PAIR, DEFECT_CONTINUED_PAIR_OLD, DEFECT_CONTINUED_PAIR_LOST))
        return;
    right_hypercall = exit_handlers.hypercall;
    exit_handlers.hypercall = hypercall;
}
