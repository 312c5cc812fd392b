/* SPDX-License-Identifier: MIT */
/* Hosts that look at a part of the call code, or take what they do not know for something else. */
#include "abi/hypercall.h"
#include "host/cpu/exit.h"
#include "host/defects/install.h"
#include "host/defects/seam.h"
#include "lib/bits.h"

#define BIT_15     0x8000u
#define BITS_15_14 0xC000u
#define BITS_14_12 0x7000u
#define BITS_11_9  0x0E00u

static exit_handler *right_exit;

/* The code that such a host finds in its table. */
static uint16_t seen_as(uint64_t control)
{
    const uint16_t code = hv_control_code(control);

    if ((control & HV_CONTROL_FAST) != 0 && defect_active(DEFECT_CODE_FAST_BIT_15_IGNORED))
        return code & (uint16_t)~BIT_15;
    if (ANY(DEFECT_CODE_BIT_15_IGNORED, DEFECT_CODE_BIT_15_REFUSED_LATE))
        return code & (uint16_t)~BIT_15;
    if (defect_active(DEFECT_CODE_MIDDLE_IGNORED))
        return code & (uint16_t)~BITS_11_9;
    if (defect_active(DEFECT_CODE_TOP_PAIR_IGNORED) && (code & BITS_15_14) == BITS_15_14)
        return code & (uint16_t)~BITS_15_14;
    if (defect_active(DEFECT_CODE_THREE_BITS_IGNORED) && (code & BITS_14_12) == BITS_14_12)
        return code & (uint16_t)~BITS_14_12;
    return code;
}

static bool is_pviommu(uint16_t code)
{
    const struct call *call = call_entry(code);

    return call && call->device_domain;
}

static void answer(struct cpu *cpu, uint64_t rip, enum hv_status status)
{
    if (cpu->guest->rip != rip)
        cpu->guest->rax = hv_result(status, 0);
}

/* The guest finds its RCX again. */
static void hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    const uint64_t rip = cpu->guest->rip;
    const uint16_t code = hv_control_code(regs->rcx), known = seen_as(regs->rcx);
    const bool other = known != code && !call_entry(code) && is_pviommu(known);

    if (other)
        regs->rcx = (regs->rcx & ~HV_CONTROL_CODE_MASK) | known;
    right_exit(cpu, regs);
    if (other)
        regs->rcx = (regs->rcx & ~HV_CONTROL_CODE_MASK) | code;
    if (other && defect_active(DEFECT_CODE_BIT_15_REFUSED_LATE))
        answer(cpu, rip, HV_STATUS_INVALID_HYPERCALL_CODE);
    if (code > HVCALL_EXTENDED_BASE && defect_active(DEFECT_EXTENDED_CODE_HOLLOW))
        answer(cpu, rip, HV_STATUS_SUCCESS);
}

void defects_install_call_codes(void)
{
    if (!ANY(DEFECT_CODE_BIT_15_IGNORED, DEFECT_CODE_BIT_15_REFUSED_LATE,
             DEFECT_CODE_MIDDLE_IGNORED, DEFECT_CODE_TOP_PAIR_IGNORED,
             DEFECT_CODE_THREE_BITS_IGNORED, DEFECT_EXTENDED_CODE_HOLLOW,
             DEFECT_CODE_FAST_BIT_15_IGNORED))
        return;
    right_exit = exit_handlers.hypercall;
    exit_handlers.hypercall = hypercall;
}
