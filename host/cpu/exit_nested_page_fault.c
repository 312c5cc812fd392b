/* SPDX-License-Identifier: MIT */
/* Accesses to what the nested tables leave out: emulated registers, and what the guest may not
 * touch (the host's memory, the VT-d unit, a store to the hypercall page). */
#include "host/base/log.h"
#include "host/cpu/cpu_rules.h"
#include "host/cpu/exit.h"
#include "host/cpu/inject.h"
#include "host/cpu/mmio.h"
#include "host/cpu/nested_paging.h"

/* The access is repeated; an event that was being delivered is delivered again. QEMU's emulation
 * reports hardware interrupts as exceptions, too, which VMRUN would refuse: they are told by their
 * vector. */
static void resume(struct vmcb *guest)
{
    uint64_t pending = guest->exit_interrupt;

    if (!(pending & EVENT_VALID))
        return;
    if ((pending & EVENT_TYPE_MASK) == EVENT_TYPE_EXCEPTION && (pending & EVENT_VECTOR_MASK) >= 32)
        pending &= ~EVENT_TYPE_MASK;
    guest->event_injection = pending;
}

void exit_nested_page_fault(struct cpu *cpu, struct guest_registers *regs)
{
    struct vmcb *guest = cpu->guest;
    uint64_t gpa = guest->exit_info2;

    if (!(guest->exit_info1 & NESTED_FAULT_PRESENT) && nested_paging_fill(gpa)) {
        resume(guest);
        return;
    }
    if (mmio_access(cpu, regs))
        return;
    if (cpu->hidden_access_logs < LOGGED_ACCESSES_MAX) {
        cpu->hidden_access_logs++;
        host_log(LOG_INFO, "guest %s gpa 0x%lx at rip 0x%lx: hidden, #GP\n",
                 guest->exit_info1 & NESTED_FAULT_WRITE ? "writes" : "reads", gpa, guest->rip);
    }
    inject_exception(cpu, regs, cpu_rules.hidden_access);
}
