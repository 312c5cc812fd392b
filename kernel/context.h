/* SPDX-License-Identifier: MIT */
/* A place in the code that control can come back to, from any depth and from an exception handler.
 */
#ifndef PVT_KERNEL_CONTEXT_H
#define PVT_KERNEL_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

struct context {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip, rflags;
    uint32_t mxcsr;
    uint16_t x87_control;
};

_Static_assert(offsetof(struct context, rsp) == 48, "known to context.S");
_Static_assert(offsetof(struct context, rflags) == 64, "known to context.S");
_Static_assert(offsetof(struct context, mxcsr) == 72, "known to context.S");
_Static_assert(offsetof(struct context, x87_control) == 76, "known to context.S");

/* Returns 0, and 1 when context_restore() comes back to it. The function that called it must not
 * have returned by then.
 */
int context_save(struct context *context) __attribute__((returns_twice));
void context_restore(const struct context *context) __attribute__((noreturn));

/* Calls fn(argument) on another stack; fn must not return. */
void context_call_on_stack(void (*fn)(void *argument), void *argument, void *stack_top)
    __attribute__((noreturn));

/* IRETQ to CPL 3 with interrupts on; all registers but these are zero. */
void context_enter_user(uint64_t rip, uint64_t rsp, uint64_t rcx, uint64_t rdx, uint64_t r8)
    __attribute__((noreturn));

#endif
