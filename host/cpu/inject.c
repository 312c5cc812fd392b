/* SPDX-License-Identifier: MIT */
#include "host/cpu/inject.h"

#include "host/base/panic.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/guest_crash.h"
#include "host/cpu/insn_fetch.h"
#include "host/cpu/mmio_decode.h"
#include "lib/hot.h"

/* An exit may happen while the processor delivers an event: when its IDT, its stack or its handler
 * lie in hidden memory. Injecting #GP again and again would never end, so faults pile up as the
 * processor does it: #DF, then shutdown. */
static enum exception escalate(struct cpu *cpu, const struct guest_registers *regs,
                               enum exception vector)
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
    uint64_t error_valid;

    vector = escalate(cpu, regs, vector);
    error_valid = vector == EXCEPTION_UD ? 0 : EVENT_ERROR_VALID;

    cpu->guest->event_injection =
        EVENT_VALID | EVENT_TYPE_EXCEPTION | error_valid | (uint64_t)vector;
}

HOT void skip_instruction(struct vmcb *guest, unsigned length)
{
    guest->rip += length;
    if (!insn_is_64_bit(guest))
        guest->rip &= 0xFFFFFFFF;
    guest->rflags &= ~RFLAGS_RF;
    guest->interrupt_shadow &= ~INTERRUPT_SHADOW_ACTIVE;
}

/* Prefixes are rare: as a rule the first byte tells that there are none. */
HOT static unsigned fetch_prefixes(const struct vmcb *guest)
{
    bool code64 = insn_is_64_bit(guest);
    uint8_t bytes[INSTRUCTION_MAX];
    size_t count = insn_fetch(guest, bytes, 1);

    if (insn_prefixes(bytes, count, code64) == 0)
        return 0;
    count = insn_fetch(guest, bytes, sizeof(bytes));
    return insn_prefixes(bytes, count, code64);
}

HOT void skip_prefixed_instruction(struct vmcb *guest, unsigned length)
{
    unsigned prefixes = cpu_rules.prefixes_counted ? fetch_prefixes(guest) : 0;

    if (prefixes + length > INSTRUCTION_MAX)
        prefixes = 0; /* the code has changed since */
    skip_instruction(guest, prefixes + length);
}
