/* SPDX-License-Identifier: MIT */
#include "host/cpu/mmio.h"

#include <stddef.h>

#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/inject.h"
#include "host/cpu/insn_fetch.h"
#include "host/cpu/mmio_decode.h"
#include "host/platform/mmio_ranges.h"
#include "lib/bits.h"
#include "lib/fmt.h"

/* RAX and RSP are in the VMCB, all others where run.S pushed them. */
static uint64_t *register_of(struct cpu *cpu, struct guest_registers *regs, unsigned number)
{
    uint64_t *const by_number[16] = {
        &cpu->guest->rax, &regs->rcx, &regs->rdx, &regs->rbx, &cpu->guest->rsp, &regs->rbp,
        &regs->rsi,       &regs->rdi, &regs->r8,  &regs->r9,  &regs->r10,       &regs->r11,
        &regs->r12,       &regs->r13, &regs->r14, &regs->r15,
    };

    return by_number[number % 16];
}

static void refuse(struct cpu *cpu, const uint8_t *bytes, size_t count)
{
    char text[3 * INSTRUCTION_MAX + 1] = "";

    if (cpu->hidden_access_logs >= LOGGED_ACCESSES_MAX)
        return;
    for (size_t i = 0; i < count; i++)
        fmt_snprintf(text + 3 * i, sizeof(text) - 3 * i, " %02x", bytes[i]);
    host_log(LOG_INFO, "no emulation of the instruction at rip 0x%lx, gpa 0x%lx: bytes%s\n",
             cpu->guest->rip, cpu->guest->exit_info2, text);
}

/* QEMU reports the first byte of the page that faulted: for an access that begins in the page
 * before, that is not where the access begins. */
static bool begins_at(struct cpu *cpu, struct guest_registers *regs,
                      const struct mmio_instruction *instruction, uint64_t gpa)
{
    struct mmio_state state = {
        .rip = cpu->guest->rip, .fs_base = cpu->guest->fs.base, .gs_base = cpu->guest->gs.base};

    for (unsigned number = 0; number < 16; number++)
        state.registers[number] = *register_of(cpu, regs, number);
    return !cpu_rules.access_start_checked ||
           mmio_address(instruction, &state) % PAGE_SIZE == gpa % PAGE_SIZE;
}

bool mmio_access(struct cpu *cpu, struct guest_registers *regs)
{
    struct vmcb *guest = cpu->guest;
    uint64_t gpa = guest->exit_info2;
    const struct mmio_range *range = mmio_range_find(gpa);
    struct mmio_instruction instruction;
    uint8_t bytes[INSTRUCTION_MAX];
    size_t count;
    uint64_t *reg;

    /* Neither code nor page tables can lie in registers, nor the stack and tables by which an event
     * is delivered. */
    if (!range || !insn_is_64_bit(guest) ||
        (guest->exit_info1 & (NESTED_FAULT_FETCH | NESTED_FAULT_TABLE)) ||
        (guest->exit_interrupt & EVENT_VALID))
        return false;
    count = insn_fetch(guest, bytes, sizeof(bytes));
    if (!mmio_decode(bytes, count, &instruction) ||
        (instruction.kind == MMIO_LOAD) != !(guest->exit_info1 & NESTED_FAULT_WRITE) ||
        gpa % PAGE_SIZE + instruction.size > PAGE_SIZE ||
        !begins_at(cpu, regs, &instruction, gpa)) {
        refuse(cpu, bytes, count);
        return false;
    }

    reg = register_of(cpu, regs, instruction.reg);

    if (instruction.kind == MMIO_LOAD)
        *reg = mmio_loaded(&instruction, *reg, range->read(gpa, instruction.size));
    else
        range->write(gpa, instruction.size, mmio_stored(&instruction, *reg));
    skip_instruction(guest, instruction.length);
    return true;
}
