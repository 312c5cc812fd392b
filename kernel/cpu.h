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

/* Stores to a register of a device by a plain MOV: a host that emulates registers need not know the
 * AND and OR with memory that a compiler takes for zeros and all ones. */
static inline void cpu_store16(volatile void *at, uint16_t value)
{
    __asm__ volatile("movw %1, %0" : "=m"(*(volatile uint16_t *)at) : "r"(value));
}

static inline void cpu_store8(volatile void *at, uint8_t value)
{
    __asm__ volatile("movb %1, %0" : "=m"(*(volatile uint8_t *)at) : "q"(value));
}

/* Loads by a plain MOV, which a compiler does not join with a comparison. */
static inline uint8_t cpu_load8(const volatile void *at)
{
    uint8_t value;

    __asm__ volatile("movb %1, %0" : "=q"(value) : "m"(*(const volatile uint8_t *)at));
    return value;
}

static inline uint32_t cpu_load32(volatile void *at)
{
    uint32_t value;

    __asm__ volatile("movl %1, %0" : "=r"(value) : "m"(*(volatile uint32_t *)at));
    return value;
}

static inline void cpu_store32(volatile void *at, uint32_t value)
{
    __asm__ volatile("movl %1, %0" : "=m"(*(volatile uint32_t *)at) : "r"(value));
}

/* Orders stores to table memory before a later MMIO store that starts a DMA. */
static inline void cpu_memory_barrier(void)
{
    __asm__ volatile("mfence" : : : "memory");
}

#endif
