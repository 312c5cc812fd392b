/* SPDX-License-Identifier: MIT */
/* Interrupt command register of the x2APIC (AMD64 Architecture Programmer's Manual, volume
 * 2, 16.12). */
#ifndef PVT_HOST_CPU_ICR_H
#define PVT_HOST_CPU_ICR_H

#define ICR_VECTOR_MASK       0xFFull
#define ICR_MODE_MASK         0x700ull
#define ICR_MODE_SMI          0x200ull
#define ICR_MODE_NMI          0x400ull
#define ICR_MODE_INIT         0x500ull
#define ICR_MODE_START        0x600ull
#define ICR_LOGICAL           0x800ull
#define ICR_ASSERT            (1ull << 14)
#define ICR_LEVEL             (1ull << 15)
#define ICR_SHORTHAND_MASK    0xC0000ull
#define ICR_SHORTHAND_OTHERS  0xC0000ull
#define ICR_LOW               0xFFFFFFFFull
#define ICR_DESTINATION_SHIFT 32

#endif
