/* SPDX-License-Identifier: MIT */
/* VMMCALL: who may call, and in which registers the parameters are (Reference 2.1). */
#include "abi/cpuid.h"
#include "abi/hypercall.h"
#include "host/base/panic.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/cpu/insn_fetch.h"
#include "host/hypercalls/hypercalls.h"
#include "host/platform/generation2.h"
#include "lib/hot.h"

#define VMMCALL_LENGTH 3

/* CPL 0 and protected mode. 16-bit code is refused as real mode is: no register form is specified
 * for it. Virtual-8086 code has CPL 3. */
HOT static bool may_call(const struct vmcb *guest)
{
    if (!(guest->cr0 & CR0_PE))
        return cpu_rules.hypercall_in_real_mode;
    return guest->cpl <= cpu_rules.hypercall_cpl_max &&
           (insn_is_64_bit(guest) || (guest->cs.attributes & SEGMENT_DEFAULT_BIG));
}

static uint64_t pair(uint64_t high, uint64_t low)
{
    return (high << 32) | (uint32_t)low;
}

/* Only the register form uses them. The host uses no vector registers: what is in them now is the
 * guest's. */
static void read_xmm(struct hypercall_frame *frame)
{
    __asm__ volatile("movups %%xmm0, 0x00(%0); movups %%xmm1, 0x10(%0); movups %%xmm2, 0x20(%0);"
                     "movups %%xmm3, 0x30(%0); movups %%xmm4, 0x40(%0); movups %%xmm5, 0x50(%0)"
                     :
                     : "r"(frame->xmm)
                     : "memory");
}

HOT static void call_64(struct cpu *cpu, struct guest_registers *regs,
                        struct hypercall_frame *frame)
{
    frame->control = regs->rcx;
    frame->rdx = regs->rdx;
    frame->r8 = regs->r8;
    hypercalls_dispatch(frame);
    if (frame->again || hv_control_rep_count(regs->rcx) != 0)
        regs->rcx = frame->control;
    if (!frame->again)
        cpu->guest->rax = frame->rax;
}

/* EDX:EAX, EBX:ECX and EDI:ESI; the result in EDX:EAX. */
HOT static void call_32(struct cpu *cpu, struct guest_registers *regs,
                        struct hypercall_frame *frame)
{
    uint64_t result;

    frame->control = pair(regs->rdx, cpu->guest->rax);
    frame->rdx = pair(regs->rbx, regs->rcx);
    frame->r8 = pair(regs->rdi, regs->rsi);
    hypercalls_dispatch(frame);

    result = frame->again ? frame->control : frame->rax;

    cpu->guest->rax = (uint32_t)result;
    regs->rdx = result >> 32;
}

HOT void exit_hypercall(struct cpu *cpu, struct guest_registers *regs)
{
    struct hypercall_frame frame = {.vp_index = cpu->index};
    uint64_t control_low = insn_is_64_bit(cpu->guest) ? regs->rcx : cpu->guest->rax;

    if (generation2_boot_services_end(cpu->guest->rip)) {
        skip_instruction(cpu->guest, VMMCALL_LENGTH);
        return;
    }
    if (!may_call(cpu->guest)) {
        inject_exception(cpu, regs, EXCEPTION_UD);
        return;
    }
    if (hv_control_code(control_low) == HVCALL_FLUSH_DEVICE_DOMAIN)
        panic_test();
    if ((control_low & HV_CONTROL_FAST) &&
        (cpu_rules.features.edx & HV_CPUID_FEATURES_EDX_XMM_INPUT))
        read_xmm(&frame);
    if (insn_is_64_bit(cpu->guest))
        call_64(cpu, regs, &frame);
    else
        call_32(cpu, regs, &frame);
    if (frame.again)
        return;
    skip_prefixed_instruction(cpu->guest, VMMCALL_LENGTH);
}
