/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_CPU_VCPU_H
#define PVT_HOST_CPU_VCPU_H

#include <stdint.h>

#include "host/cpu/cpu.h"

/* NULL for a processor that was not prepared. */
struct cpu *cpu_by_index(uint32_t index);

/* Switches SVM on; halts with a message on a processor without SVM or nested paging. */
void svm_enable(struct cpu *cpu);

/* Notes the state of the running processor as that of the guest: the firmware's tables, segments
 * and control registers.
 */
void vcpu_capture(struct cpu *cpu);

/* Sets the intercepts and the nested tables of `partition`; `rip` and `rsp` are where the guest
 * goes on. */
void vcpu_configure(struct cpu *cpu, uint64_t rip, uint64_t rsp);

/* The state after INIT and a start-up IPI with cpu->start_vector, configured. */
void vcpu_reset(struct cpu *cpu);

/* For tlb_control: the processor drops what it holds of the nested tables. */
#define TLB_FLUSH_ALL 1u

/* Last step before an entry with another state than that of the last: clears what QEMU lets a guest
 * set but refuses at VMRUN. */
void vcpu_check_state(struct cpu *cpu);

/* Last step before every entry. All that guest_state.h looks at is, as a rule, as it was when the
 * guest was entered last. */
static inline void vcpu_before_entry(struct cpu *cpu)
{
    const struct vmcb *guest = cpu->guest;
    const struct entry_state *last = &cpu->last_entry;

    if (guest->efer != last->efer || guest->cr0 != last->cr0 || guest->cr4 != last->cr4 ||
        guest->dr6 != last->dr6 || guest->dr7 != last->dr7 ||
        guest->cs.attributes != last->cs_attributes)
        vcpu_check_state(cpu);
}

#endif
