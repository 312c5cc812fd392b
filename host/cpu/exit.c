/* SPDX-License-Identifier: MIT */
/* Every #VMEXIT comes through here. */
#include "host/cpu/exit.h"

#include <stddef.h>

#include "host/base/counters.h"
#include "host/base/lock.h"
#include "host/base/log.h"
#include "host/base/panic.h"
#include "host/base/power.h"
#include "host/cpu/guest_crash.h"
#include "host/cpu/inject.h"
#include "host/cpu/nested_paging.h"
#include "host/cpu/processors.h"
#include "host/cpu/shootdown.h"
#include "host/cpu/vcpu.h"
#include "host/vdev/vdev.h"
#include "host/vmbus/vmbus.h"
#include "lib/hot.h"

/* QEMU leaves the guest with this code when a MOV to CR3 or CR4 sets a bit that the processor
 * lacks: the guest gets the #GP that the processor owes it. VMRUN has the same code for a state
 * that it refuses; the host looks for that before each entry (guest_state.h), since after it
 * nothing that QEMU saves tells the two apart for every guest. */
static void exit_invalid(struct cpu *cpu, struct guest_registers *regs)
{
    inject_exception(cpu, regs, EXCEPTION_GP);
}

HOT_DATA struct exit_handlers exit_handlers = {
    .hypercall = exit_hypercall,
    .cpuid = exit_cpuid,
    .msr = exit_msr,
    .io = exit_io,
    .nested_page_fault = exit_nested_page_fault,
    .invalid = exit_invalid,
};

/* Apart from the others, so that the code of every exit fits into few pages. */
static __attribute__((noinline)) void dispatch_rare(struct cpu *cpu, struct guest_registers *regs,
                                                    uint32_t code)
{
    switch (code) {
    case EXIT_NMI:
        exit_nmi(cpu);
        return;
    case EXIT_SMI:
        /* It stays pending, and would run code at an address that the guest can write. */
        guest_crash_print(NULL, cpu->guest, regs);
        host_stop("fatal: a system management interrupt came by a way that the host does not watch "
                  "(docs/threat-model.md)");
    case EXIT_VMRUN:
    case EXIT_VMLOAD:
    case EXIT_VMSAVE:
    case EXIT_STGI:
    case EXIT_CLGI:
    case EXIT_SKINIT:
    case EXIT_INVLPGA:
        /* CPUID shows no SVM and EFER.SVME reads 0. */
        inject_exception(cpu, regs, EXCEPTION_UD);
        return;
    case EXIT_INVD:
        /* Dropping modified lines could lose the host's own data. */
        __asm__ volatile("wbinvd" ::: "memory");
        skip_prefixed_instruction(cpu->guest, 2);
        return;
    case EXIT_INVALID:
        exit_handlers.invalid(cpu, regs);
        return;
    case EXIT_SHUTDOWN:
        guest_crash_print("triple fault", cpu->guest, regs);
        host_log(LOG_ERROR, "refhost: the guest shut down (triple fault)\n");
        host_restart(HOST_EXIT_ERROR);
    default:
        guest_crash_print(NULL, cpu->guest, regs);
        host_panic("unexpected exit code 0x%x, info 0x%lx 0x%lx", code, cpu->guest->exit_info1,
                   cpu->guest->exit_info2);
    }
}

HOT static void dispatch(struct cpu *cpu, struct guest_registers *regs)
{
    struct oracle_counters *counters = &cpu_counters_by_index[cpu->index];
    uint32_t code = (uint32_t)cpu->guest->exit_code;

    counters->exits_total++;
    switch (code) {
    case EXIT_VMMCALL:
        counters->exits_hypercall++;
        exit_handlers.hypercall(cpu, regs);
        return;
    case EXIT_CPUID:
        counters->exits_cpuid++;
        exit_handlers.cpuid(cpu, regs);
        return;
    case EXIT_MSR:
        counters->exits_msr++;
        exit_handlers.msr(cpu, regs);
        return;
    case EXIT_IO:
        counters->exits_io++;
        exit_handlers.io(cpu, regs);
        return;
    case EXIT_NESTED_PAGE_FAULT:
        counters->exits_npf++;
        exit_handlers.nested_page_fault(cpu, regs);
        return;
    default:
        counters->exits_other++;
        dispatch_rare(cpu, regs, code);
    }
}

HOT void handle_exit(struct cpu *cpu, struct guest_registers *regs)
{
    processors_enter_host(cpu);
    processors_take_lock(cpu);
    cpu->guest->event_injection = 0;
    cpu->guest->tlb_control = 0;
    vdev_tick();
    dispatch(cpu, regs);
    vmbus_continue();
    if (nested_take_change()) {
        cpu->guest->tlb_control = TLB_FLUSH_ALL;
        shootdown_nested_tlb(cpu);
    }
    host_lock_release(&host_lock);
    vcpu_before_entry(cpu);
    processors_leave_host(cpu);
}
