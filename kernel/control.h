/* SPDX-License-Identifier: MIT */
/* Control registers, EFER and the descriptor-table registers (AMD64 APM volume 2, chapter 3). */
#ifndef PVT_KERNEL_CONTROL_H
#define PVT_KERNEL_CONTROL_H

#include <stdint.h>

#include "kernel/cpu.h"

#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_AM (1ull << 18)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)

#define CR4_PAE        (1ull << 5)
#define CR4_MCE        (1ull << 6)
#define CR4_PGE        (1ull << 7)
#define CR4_OSFXSR     (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_LA57       (1ull << 12)
#define CR4_OSXSAVE    (1ull << 18)
#define CR4_SMEP       (1ull << 20)
#define CR4_SMAP       (1ull << 21)
#define CR4_CET        (1ull << 23)

#define MSR_EFER 0xC0000080u
#define EFER_NXE (1ull << 11)

#define MSR_APIC_BASE 0x1Bu

struct table_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static inline void tlb_flush_page(uint64_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline uint16_t task_register(void)
{
    uint16_t selector;
    __asm__ volatile("str %0" : "=r"(selector));
    return selector;
}

#endif
