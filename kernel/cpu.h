/* SPDX-License-Identifier: MIT */
/* One inline function per privileged or special instruction: those here, and those that the host
 * needs as well. */
#ifndef PVT_KERNEL_CPU_H
#define PVT_KERNEL_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/cpu_instructions.h"

#define CPU_RFLAGS_IF (1ull << 9)

static inline void cpu_pause(void)
{
    __asm__ volatile("pause");
}

static inline void cpu_interrupts_on(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline void cpu_interrupts_off(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline bool cpu_interrupts_are_on(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
    return flags & CPU_RFLAGS_IF;
}

static inline void cpu_compiler_barrier(void)
{
    __asm__ volatile("" : : : "memory");
}

/* Orders stores to table memory before a later MMIO store that starts a DMA. */
static inline void cpu_memory_barrier(void)
{
    __asm__ volatile("mfence" : : : "memory");
}

#endif
