/* SPDX-License-Identifier: MIT */
/*
 * What is left of a host or a guest that came to an end. Lines on the debug console, for people and for the runner:
 *   refhost: panic: TEXT                      the host itself
 *   refhost: trap: vector=14 error=0x2 ...    the exception that ended it
 *   refhost: regs: rax=0x... ...
 *   refhost: frame: rip=0x... offset=0x...    offset = address in refhost.debug
 *   refhost: guest-panic: TEXT                the same of the guest, with guest-regs; guest-frame has no offset
 */
#ifndef PVT_HOST_BASE_PANIC_H
#define PVT_HOST_BASE_PANIC_H

#include <stdint.h>

#include "host/cpu/exceptions.h"

struct vmcb;
struct guest_registers;

/* The frames of the host's stack above `rbp`; none of what does not lie in the host's own memory. */
void crash_print_stack(uint64_t rbp);
/* An exception in the host, without the panic line. */
void crash_print_exception(const struct exception_frame *frame);
/* `why` may be NULL: then the state alone. */
void crash_print_guest(const char *why, const struct vmcb *vmcb, const struct guest_registers *regs);

/* For the runner's own tests (option crash=1): the next flush ends in an access to memory that is not there. */
void crash_on_purpose_arm(void);
void crash_on_purpose(void);

#endif
