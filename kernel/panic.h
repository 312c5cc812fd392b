/* SPDX-License-Identifier: MIT */
#ifndef PVT_KERNEL_PANIC_H
#define PVT_KERNEL_PANIC_H

#include <stddef.h>
#include <stdint.h>

struct trap_frame;

/* Called once with what panic() says and return addresses, before the machine goes down: the last
 * chance to record something. A fault in it ends the machine at once. */
typedef void (*panic_witness)(const char *text, const uint64_t *addresses, size_t count);
void panic_set_witness(panic_witness witness);

/* For an exception that is not contained. panic() itself is declared in kernel/trap.h. */
void panic_trap(const struct trap_frame *frame) __attribute__((noreturn));

#endif
