/* SPDX-License-Identifier: MIT */
/* Shared by the files of the hypercall layer only. */
#ifndef PVT_DRIVERS_HYPERCALL_INTERNAL_H
#define PVT_DRIVERS_HYPERCALL_INTERNAL_H

#include <stdint.h>

#include "drivers/hypercall.h"

/* hypercall_enter.S: a near CALL of `entry` with RCX = control, RDX and R8 as given. Returns RAX.
 */
uint64_t hypercall_enter(const void *entry, uint64_t control, uint64_t rdx, uint64_t r8);

/* The same with every general register but RAX and RSP, and XMM0-5, loaded from and stored to
 * *registers. */
void hypercall_enter_registers(const void *entry, struct hypercall_registers *registers);

#endif
