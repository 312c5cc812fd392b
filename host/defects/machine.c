/* SPDX-License-Identifier: MIT */
/* Registers and ports of the machine that the host takes away from its guest. */
#include "host/base/instructions.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/defects/defects.h"
#include "host/defects/install.h"
#include "lib/bits.h"

#define KEYBOARD_DATA    0x60u
#define KEYBOARD_COMMAND 0x64u

static struct exit_handlers right_exit;

static void msr(struct cpu *cpu, struct guest_registers *regs)
{
    bool of_efer = (cpu->guest->exit_info1 & 1) && (uint32_t)regs->rcx == MSR_EFER;
    uint64_t old = cpu->guest->efer;

    if (of_efer && defect_active(DEFECT_SCE_REFUSED) && (cpu->guest->rax & EFER_SCE)) {
        inject_exception(cpu, regs, EXCEPTION_GP);
        return;
    }
    right_exit.msr(cpu, regs);
    if (of_efer && defect_active(DEFECT_NXE_KEPT))
        cpu->guest->efer |= old & EFER_NXE;
    /* Not on its way to long mode: it would never start. */
    if (of_efer && defect_active(DEFECT_EFER_OF_FIRST) && cpu->index != 0 && (old & EFER_LMA))
        cpu->guest->efer = old;
}

static void io(struct cpu *cpu, struct guest_registers *regs)
{
    uint32_t info = (uint32_t)cpu->guest->exit_info1;
    uint32_t port = info >> IO_EXIT_PORT_SHIFT;
    unsigned size = (info >> IO_EXIT_SIZE_SHIFT) & IO_EXIT_SIZE_MASK;

    right_exit.io(cpu, regs);
    if (!(info & IO_EXIT_IN))
        return;
    if ((defect_active(DEFECT_BYTE_PORTS_ABSENT) && size == 1) ||
        (defect_active(DEFECT_KEYBOARD_ABSENT) &&
         (port == KEYBOARD_DATA || port == KEYBOARD_COMMAND)))
        cpu->guest->rax |= BITS(7, 0);
    if (defect_active(DEFECT_WORD_PORTS_ABSENT) && size == 2)
        cpu->guest->rax |= BITS(15, 0);
}

void defects_install_machine(void)
{
    right_exit = exit_handlers;
    if (ANY_DEFECT(DEFECT_SCE_REFUSED, DEFECT_NXE_KEPT, DEFECT_EFER_OF_FIRST))
        exit_handlers.msr = msr;
    if (ANY_DEFECT(DEFECT_BYTE_PORTS_ABSENT, DEFECT_KEYBOARD_ABSENT, DEFECT_WORD_PORTS_ABSENT))
        exit_handlers.io = io;
}
