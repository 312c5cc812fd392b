/* SPDX-License-Identifier: MIT */
#ifndef PVT_KERNEL_BACKTRACE_H
#define PVT_KERNEL_BACKTRACE_H

#include <stddef.h>
#include <stdint.h>

struct trap_frame;

/* Return addresses along the frame-pointer chain from `rbp`, innermost first. Never leaves this
 * processor's stacks, so it does not fault whatever the registers hold. */
size_t backtrace_from(uint64_t rbp, uint64_t *addresses, size_t max);
/* The same for an interrupted place; sees the caller of a jump into nowhere too. */
size_t backtrace_of_frame(const struct trap_frame *frame, uint64_t *addresses, size_t max);

#endif
