/* SPDX-License-Identifier: MIT */
/*
 * The end of the host. Lines on the debug console, for people and for the runner:
 *   refhost: panic: TEXT                      the host itself
 *   refhost: trap: vector=14 error=0x2 ...    the exception that ended it (host/cpu/exceptions.c)
 *   refhost: regs: rax=0x... ...
 *   refhost: frame: rip=0x... offset=0x...    offset = address in refhost.debug
 */
#ifndef PVT_HOST_BASE_PANIC_H
#define PVT_HOST_BASE_PANIC_H

#include <stdint.h>

/* The host cannot go on: logs a panic with the stack, then as host_stop(). */
void host_panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The end for a reason that is not the host's fault: logs it, then powers the machine off with the
 * error code. */
void host_stop(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* From now on COM1 belongs to the guest; before, the message of the end is written there, too. */
void panic_leave_com1(void);
/* The stacks of the host lie below `end`; frames are printed from then on. */
void panic_set_stack_end(uint64_t end);
/* The frames of the host's stack for this state of a processor; those outside of the host's own
 * memory are left out. */
void panic_print_stack(uint64_t rip, uint64_t rsp, uint64_t rbp);

/* For the runner's own tests (option crash=1): the next flush ends in an access to an unmapped
 * address. */
void panic_test_arm(void);
void panic_test(void);

#endif
