/* SPDX-License-Identifier: MIT */
/* Registers that the host emulates: ranges of guest-physical addresses that the nested tables leave out, and who
 * answers an access to them. */
#ifndef PVT_HOST_CPU_MMIO_H
#define PVT_HOST_CPU_MMIO_H

#include <stdbool.h>
#include <stdint.h>

#include "host/cpu/cpu.h"

struct mmio_range {
    uint64_t start, length;
    /* `size` is 1, 2, 4 or 8 bytes, any alignment, within one 4 KiB page. */
    uint64_t (*read)(uint64_t gpa, unsigned size);
    void (*write)(uint64_t gpa, unsigned size, uint64_t value);
};

/* Before launch. Only what guest_protect() also hides there is trapped. `range` stays the caller's. */
void mmio_add(const struct mmio_range *range);

/* The access of the nested page fault that the VMCB describes: true when it was carried out and RIP stands behind the
 * instruction. False when nobody answers there or the instruction cannot be emulated. */
bool mmio_access(struct cpu *cpu, struct guest_registers *regs);

#endif
