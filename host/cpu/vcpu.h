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

/* Last step before every entry: keeps a copy for diagnosis, and clears what QEMU lets a guest set
 * but refuses at VMRUN.
 */
void vcpu_before_entry(struct cpu *cpu);

#endif
