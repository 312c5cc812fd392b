/* SPDX-License-Identifier: MIT */
#ifndef PVT_HOST_CPU_EXCEPTIONS_H
#define PVT_HOST_CPU_EXCEPTIONS_H

#include <stdint.h>

/* In the order of exceptions.S. */
struct exception_frame {
    unsigned long long rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    unsigned long long vector, error;
    unsigned long long rip, cs, rflags, rsp, ss;
};

/* Returns when the frame was changed to continue after the fault; else it does not return. */
void handle_exception(struct exception_frame *frame);

#endif
