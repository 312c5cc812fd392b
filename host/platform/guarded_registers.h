/* SPDX-License-Identifier: MIT */
/*
 * Pages of registers that a guest reads as they are, and writes through a check: I/O APICs, the
 * HPET, the local APIC. Some of their contents reach the host past the nested tables and VT-d.
 */
#ifndef PVT_HOST_PLATFORM_GUARDED_REGISTERS_H
#define PVT_HOST_PLATFORM_GUARDED_REGISTERS_H

#include <stdint.h>

typedef void guarded_write(uint64_t gpa, unsigned size, uint64_t value);

/* At launch, after the ACPI tables were read. */
void guarded_registers_init(void);
/* One more page, with its check. */
void guarded_register_add(uint64_t page, guarded_write *write, const char *what);
/* Calls show(page, 4096) for each: they are hidden before. */
void guarded_registers_show(void (*show)(uint64_t gpa, uint64_t length));

#endif
