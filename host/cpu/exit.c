/* SPDX-License-Identifier: MIT */
/* Every #VMEXIT comes through here. */
#include "host/cpu/exit.h"

#include "host/cpu/events.h"
#include "host/cpu/nested_paging.h"
#include "host/cpu/processors.h"
#include "host/cpu/vcpu.h"
#include "host/hypercalls/lock.h"
#include "host/launch/image.h"
#include "host/log.h"
#include "host/vdev/vdev.h"

void log_guest_state(const struct vmcb *vmcb, const struct guest_registers *regs)
{
    host_log(LOG_ERROR, "guest rip %04x:%016lx rsp %04x:%016lx rflags %08lx\n", vmcb->cs.selector, vmcb->rip,
             vmcb->ss.selector, vmcb->rsp, vmcb->rflags);
    host_log(LOG_ERROR, "cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx efer %04lx\n", vmcb->cr0, vmcb->cr2, vmcb->cr3,
             vmcb->cr4, vmcb->efer);
    host_log(LOG_ERROR, "dr6 %08lx dr7 %08lx gdt %016lx+%x idt %016lx+%x event %016lx\n", vmcb->dr6, vmcb->dr7,
             vmcb->gdtr.base, vmcb->gdtr.limit, vmcb->idtr.base, vmcb->idtr.limit, vmcb->event_injection);
    host_log(LOG_ERROR, "rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", vmcb->rax, regs->rbx, regs->rcx, regs->rdx);
    host_log(LOG_ERROR, "rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", regs->rsi, regs->rdi, regs->rbp, regs->r8);
    host_log(LOG_ERROR, "r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", regs->r9, regs->r10, regs->r11, regs->r12);
    host_log(LOG_ERROR, "r13 %016lx r14 %016lx r15 %016lx\n", regs->r13, regs->r14, regs->r15);
}

/*
 * Two causes share this code. QEMU leaves the guest with it when a MOV to CR3 or CR4 sets a bit that the processor
 * lacks: the guest gets the #GP that the processor owes it. Or VMRUN refused the guest's state: then the RIP that was
 * saved is the host's, where no guest can be, and what is known of the guest is the copy made before the entry.
 */
static void handle_invalid(struct cpu *cpu, const struct guest_registers *regs)
{
    uint64_t rip = cpu->guest->rip;

    if (rip >= (uintptr_t)host_image_start && rip < (uintptr_t)host_image_end) {
        log_guest_state(cpu->shadow, regs);
        host_die("VMRUN refused the state of the guest");
    }
    inject_exception(cpu, regs, EXCEPTION_GP);
}

static void dispatch(struct cpu *cpu, struct guest_registers *regs)
{
    struct oracle_counters *counters = &cpu->counters;
    uint32_t code = (uint32_t)cpu->guest->exit_code;

    counters->exits_total++;
    switch (code) {
    case EXIT_VMMCALL:
        counters->exits_hypercall++;
        exit_hypercall(cpu, regs);
        return;
    case EXIT_CPUID:
        counters->exits_cpuid++;
        exit_cpuid(cpu, regs);
        return;
    case EXIT_MSR:
        counters->exits_msr++;
        exit_msr(cpu, regs);
        return;
    case EXIT_IO:
        counters->exits_io++;
        exit_io(cpu, regs);
        return;
    case EXIT_NESTED_PAGE_FAULT:
        counters->exits_npf++;
        exit_nested_page_fault(cpu, regs);
        return;
    default:
        break;
    }

    counters->exits_other++;
    switch (code) {
    case EXIT_NMI:
        exit_nmi(cpu);
        return;
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
        skip_instruction(cpu->guest, 2);
        return;
    case EXIT_INVALID:
        handle_invalid(cpu, regs);
        return;
    case EXIT_SHUTDOWN:
        log_guest_state(cpu->guest, regs);
        host_die("the guest shut down (triple fault)");
    default:
        log_guest_state(cpu->guest, regs);
        host_die("exit code 0x%x that nobody asked for, info 0x%lx 0x%lx", code, cpu->guest->exit_info1,
                 cpu->guest->exit_info2);
    }
}

void handle_exit(struct cpu *cpu, struct guest_registers *regs)
{
    processors_enter_host(cpu);
    processors_take_lock(cpu);
    cpu->guest->event_injection = 0;
    cpu->guest->tlb_control = 0;
    vdev_tick();
    dispatch(cpu, regs);
    if (nested_take_change()) {
        cpu->guest->tlb_control = TLB_FLUSH_ALL;
        processors_flush(cpu);
    }
    host_lock_release(&host_lock);
    vcpu_before_entry(cpu);
    processors_leave_host(cpu);
}
