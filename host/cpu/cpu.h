/* SPDX-License-Identifier: MIT */
/* State of the host for each processor and each partition. */
#ifndef PVT_HOST_CPU_CPU_H
#define PVT_HOST_CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/processor.h"
#include "host/cpu/vmcb.h"

#define HOST_STACK_PAGES 8

/* A guest that probes must not fill the log. */
#define LOGGED_ACCESSES_MAX 64

/* General registers of the guest that a VMCB does not hold; host/cpu/run.S pushes and pops them in
 * this order. */
struct guest_registers {
    uint64_t rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};

/* State of the guest that VMRUN has accepted (host/cpu/guest_state.h). */
struct entry_state {
    uint64_t efer, cr0, cr4, dr6, dr7;
    uint16_t cs_attributes;
};

struct cpu {
    struct cpu *self;            /* as struct processor: read through GS */
    uint32_t index;              /* VP index */
    uint32_t hidden_access_logs; /* how many accesses to hidden memory were logged */
    struct vmcb *guest;
    struct vmcb
        *host_state; /* what VMRUN and #VMEXIT do not switch: TR, LDTR, FS, GS, syscall MSRs */
    void *host_save; /* the processor's own, for VMRUN */
    uint8_t *stack_top;
    uint64_t vp_assist_page; /* as the guest wrote it */

    uint32_t apic_id;
    uint8_t start_vector; /* page at which the guest starts */
    bool waits_for_start; /* after INIT */
    uint32_t starts;
    bool arrived; /* has taken what the start-up code left for it */
    bool parked;  /* has stopped in the host, and holds nothing */
    bool running; /* has been taken over; changed with the host's lock held */
    /* host/cpu/shootdown.c; other processors look at them. */
    bool in_host;
    uint32_t flush_wanted, flush_done;
    uint32_t calls_sent, calls_taken; /* NMIs of the host */
    struct entry_state last_entry;
};
_Static_assert(offsetof(struct cpu, self) == offsetof(struct processor, self), "read through GS");
_Static_assert(offsetof(struct cpu, index) == offsetof(struct processor, index), "read through GS");

/* The running processor. Valid on the host's own tables, from descriptor_tables_load() on. */
static inline struct cpu *cpu_current(void)
{
    struct cpu *cpu;

    __asm__("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* Shared by all virtual processors (Reference 1.2). */
struct partition {
    uint64_t guest_os_id;
    uint64_t hypercall_msr;
    uint64_t iopm, msrpm; /* physical addresses of the permission maps */
    uint64_t nested_root;
};
extern struct partition partition;

/* Processor `index` of the array, with its pages allocated on the first call. */
struct cpu *cpu_prepare(uint32_t index);

/* Called by run.S with the registers of the guest on the stack. */
void handle_exit(struct cpu *cpu, struct guest_registers *regs);
/* Enters the guest for the first time; never returns. */
void cpu_run(struct cpu *cpu, uint64_t guest_vmcb, uint64_t host_vmcb, uint8_t *stack_top)
    __attribute__((noreturn));

#endif
