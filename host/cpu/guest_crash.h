/* SPDX-License-Identifier: MIT */
/*
 * The state of a guest that came to an end, on the debug console as the lines of host/base/panic.h:
 *   refhost: guest-panic: TEXT
 *   refhost: guest-regs: rip=0x... ...
 *   refhost: guest-frame: rip=0x...            without an offset
 */
#ifndef PVT_HOST_CPU_GUEST_CRASH_H
#define PVT_HOST_CPU_GUEST_CRASH_H

#include "host/cpu/cpu.h"

/* `why` may be NULL: then the state alone. */
void guest_crash_print(const char *why, const struct vmcb *vmcb,
                       const struct guest_registers *regs);

#endif
