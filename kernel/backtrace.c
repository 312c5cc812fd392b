/* SPDX-License-Identifier: MIT */
#include "kernel/backtrace.h"

#include "kernel/image.h"
#include "kernel/percpu.h"
#include "kernel/trap.h"
#include "lib/return_address.h"

struct frame_link {
    uint64_t caller_rbp, return_address;
};

size_t backtrace_from(uint64_t rbp, uint64_t *addresses, size_t max)
{
    const struct cpu *cpu = cpu_this();
    const struct stack *stack = cpu_stack_of(cpu, rbp, sizeof(struct frame_link));
    size_t count = 0;
    while (stack && count < max && rbp % sizeof(uint64_t) == 0) {
        const struct frame_link *link = (const struct frame_link *)rbp;
        const struct stack *next;

        if (link->return_address == 0)
            break;
        addresses[count++] = link->return_address;
        next = cpu_stack_of(cpu, link->caller_rbp, sizeof(*link));
        /* On one stack a caller's frame lies higher; anything else is a loop or garbage. */
        if (next == stack && link->caller_rbp <= rbp)
            break;
        stack = next;
        rbp = link->caller_rbp;
    }
    return count;
}

size_t backtrace_of_frame(const struct trap_frame *frame, uint64_t *addresses, size_t max)
{
    size_t count = 0;
    if (max > 0 && frame->rsp % sizeof(uint64_t) == 0 &&
        cpu_stack_of(cpu_this(), frame->rsp, sizeof(uint64_t))) {
        uint64_t top = *(const uint64_t *)frame->rsp;
        /* A call to a bad address faults before the callee made a frame, and some functions never
         * make one: the return address is still on top of the stack. */
        if (!image_is_text(frame->rip) ||
            (image_is_text(top - CALL_BYTES) &&
             return_address_of((const uint8_t *)top - CALL_BYTES, top, frame->rip)))
            addresses[count++] = top;
    }
    return count + backtrace_from(frame->rbp, addresses + count, max - count);
}
