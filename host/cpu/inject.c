/* SPDX-License-Identifier: MIT */
#include "host/cpu/inject.h"

#include "host/base/panic.h"
#include "host/cpu/guest_crash.h"

/* An exit may happen while the processor delivers an event: when its IDT, its stack or its handler lie in hidden
 * memory. Injecting #GP again and again would never end, so faults pile up as the processor does it: #DF, then
 * shutdown. */
static enum exception escalate(struct cpu *cpu, const struct guest_registers *regs, enum exception vector)
{
    uint64_t pending = cpu->guest->exit_interrupt;

    if (!(pending & EVENT_VALID) || (pending & EVENT_TYPE_MASK) != EVENT_TYPE_EXCEPTION)
        return vector;
    if ((pending & EVENT_VECTOR_MASK) == EXCEPTION_DF) {
        guest_crash_print("a fault while a double fault was delivered", cpu->guest, regs);
        host_stop("the guest shut down: a fault while a double fault was delivered");
    }
    return EXCEPTION_DF;
}

void inject_exception(struct cpu *cpu, const struct guest_registers *regs, enum exception vector)
{
    vector = escalate(cpu, regs, vector);
    uint64_t error_valid = vector == EXCEPTION_UD ? 0 : EVENT_ERROR_VALID;

    cpu->guest->event_injection = EVENT_VALID | EVENT_TYPE_EXCEPTION | error_valid | (uint64_t)vector;
}

void skip_instruction(struct vmcb *guest, unsigned length)
{
    guest->rip += length;
    if (!((guest->efer & EFER_LMA) && (guest->cs.attributes & SEGMENT_LONG)))
        guest->rip &= 0xFFFFFFFF;
    guest->rflags &= ~RFLAGS_RF;
    guest->interrupt_shadow &= ~INTERRUPT_SHADOW_ACTIVE;
}
