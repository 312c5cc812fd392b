/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR that were not passed through. */
#include "host/base/log.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/cpu/msr.h"

#define MSR_INSTRUCTION_LENGTH 2

static bool is_synthetic(uint32_t msr)
{
    return msr >= MSR_SYNTHETIC_FIRST && msr <= MSR_SYNTHETIC_LAST;
}

static bool read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    const struct msr_rule *rule;

    if (is_synthetic(msr))
        return synthetic_msr.read(cpu, msr, value);

    rule = msr_rule_of(msr);

    return rule && rule->read && rule->read(cpu, msr, value);
}

static bool write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    const struct msr_rule *rule;

    if (is_synthetic(msr))
        return synthetic_msr.write(cpu, msr, value);

    rule = msr_rule_of(msr);

    return rule && rule->write && rule->write(cpu, msr, value);
}

void exit_msr(struct cpu *cpu, struct guest_registers *regs)
{
    struct vmcb *guest = cpu->guest;
    uint32_t msr = (uint32_t)regs->rcx;
    uint64_t value = (regs->rdx << 32) | (uint32_t)guest->rax;
    bool is_write = guest->exit_info1 & 1;
    bool done = is_write ? write(cpu, msr, value) : read(cpu, msr, &value);

    if (!done) {
        host_log(LOG_TRACE, "%s of msr 0x%x at rip 0x%lx: #GP\n", is_write ? "write" : "read", msr,
                 guest->rip);
        inject_exception(cpu, regs, EXCEPTION_GP);
        return;
    }
    if (!is_write) {
        guest->rax = (uint32_t)value;
        regs->rdx = value >> 32;
    }
    skip_prefixed_instruction(guest, MSR_INSTRUCTION_LENGTH);
}
