/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_CPU_MSR_H
#define PVT_HOST_CPU_MSR_H

#include <stdbool.h>
#include <stdint.h>

#include "host/cpu/cpu.h"

/* Both return false for #GP. */
typedef bool (*msr_read)(struct cpu *cpu, uint32_t msr, uint64_t *value);
typedef bool (*msr_write)(struct cpu *cpu, uint32_t msr, uint64_t value);

/* NULL handlers mean #GP; MSR_DIRECT in the flags means that the guest accesses the register
 * without an exit. */
struct msr_rule {
    uint32_t first, last;
    unsigned direct;
    msr_read read;
    msr_write write;
};
#define MSR_DIRECT_READ  1u
#define MSR_DIRECT_WRITE 2u

/* The rule of an MSR of the processor (msr_rules.c); NULL: #GP. */
const struct msr_rule *msr_rule_of(uint32_t msr);
/* Physical address of the MSR permission map. */
uint64_t msr_permission_map(void);

/* Synthetic MSRs 0x40000000 to 0x400000FF (synthetic_msr.c). */
#define MSR_SYNTHETIC_FIRST 0x40000000u
#define MSR_SYNTHETIC_LAST  0x400000FFu
struct synthetic_msr {
    msr_read read;
    msr_write write;
};
extern struct synthetic_msr synthetic_msr;
/* Allocates the hypercall page; before launch. */
void hypercall_page_init(void);

/* Registers of the processor that need more than passing on (processor_msr.c). */
bool msr_passed_read(struct cpu *cpu, uint32_t msr, uint64_t *value);
bool msr_passed_write(struct cpu *cpu, uint32_t msr, uint64_t value);
/* Reads as 0; takes any value and keeps none. */
bool msr_zero_read(struct cpu *cpu, uint32_t msr, uint64_t *value);
bool msr_dropped_write(struct cpu *cpu, uint32_t msr, uint64_t value);
bool msr_tsc_read(struct cpu *cpu, uint32_t msr, uint64_t *value);
bool msr_tsc_write(struct cpu *cpu, uint32_t msr, uint64_t value);
bool msr_apic_base_write(struct cpu *cpu, uint32_t msr, uint64_t value);
bool msr_pat_write(struct cpu *cpu, uint32_t msr, uint64_t value);
bool msr_x2apic_icr_write(struct cpu *cpu, uint32_t msr, uint64_t value);
bool msr_x2apic_entry_write(struct cpu *cpu, uint32_t msr, uint64_t value);
bool msr_efer_read(struct cpu *cpu, uint32_t msr, uint64_t *value);
bool msr_efer_write(struct cpu *cpu, uint32_t msr, uint64_t value);

#endif
