/* SPDX-License-Identifier: MIT */
/* Processor instructions, and the architectural bits that the host names. */
#ifndef PVT_HOST_BASE_INSTRUCTIONS_H
#define PVT_HOST_BASE_INSTRUCTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/cpu_instructions.h"

#define CR0_PE    (1ull << 0)
#define CR0_NW    (1ull << 29)
#define CR0_CD    (1ull << 30)
#define CR0_PG    (1ull << 31)
#define CR0_RESET 0x60000010ull

#define CR4_PSE     (1ull << 4)
#define CR4_PAE     (1ull << 5)
#define CR4_LA57    (1ull << 12)
#define CR4_OSXSAVE (1ull << 18)
#define CR4_PKE     (1ull << 22)

#define APIC_BASE_X2APIC (1ull << 10)
#define APIC_BASE_ENABLE (1ull << 11)

#define RFLAGS_FIXED (1ull << 1)
#define RFLAGS_IF    (1ull << 9)
#define RFLAGS_RF    (1ull << 16)

#define EFER_SCE   (1ull << 0)
#define EFER_LME   (1ull << 8)
#define EFER_LMA   (1ull << 10)
#define EFER_NXE   (1ull << 11)
#define EFER_SVME  (1ull << 12)
#define EFER_FFXSR (1ull << 14)

enum cpu_msr {
    MSR_TSC = 0x10,
    MSR_APIC_BASE = 0x1B,
    MSR_PAT = 0x277,
    MSR_X2APIC_ICR = 0x830,
    MSR_EFER = 0xC0000080,
    MSR_GS_BASE = 0xC0000101,
    MSR_VM_CR = 0xC0010114,
    MSR_VM_HSAVE_PA = 0xC0010117,
};
#define VM_CR_SVMDIS (1ull << 4)

enum exception {
    EXCEPTION_NMI = 2,
    EXCEPTION_UD = 6,
    EXCEPTION_DF = 8,
    EXCEPTION_GP = 13,
};

/* For values that a guest chose: false when the processor raised #GP (host/cpu/safe_msr.S). */
bool rdmsr_safe(uint32_t msr, uint64_t *value);
bool wrmsr_safe(uint32_t msr, uint64_t value);

/* Access to a port of the machine, of 1, 2 or 4 bytes. */
static inline uint32_t port_read(uint16_t port, unsigned size)
{
    switch (size) {
    case 1:
        return cpu_in8(port);
    case 2:
        return cpu_in16(port);
    default:
        return cpu_in32(port);
    }
}

static inline void port_write(uint16_t port, unsigned size, uint32_t value)
{
    switch (size) {
    case 1:
        cpu_out8(port, (uint8_t)value);
        break;
    case 2:
        cpu_out16(port, (uint16_t)value);
        break;
    default:
        cpu_out32(port, value);
        break;
    }
}

#endif
