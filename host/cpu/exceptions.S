/* SPDX-License-Identifier: MIT */
/* Entry of the host's exceptions: stubs of 16 bytes that make all frames alike. */
#include "host/cpu/general_registers.inc"

    .text
    .balign 16
    .globl exception_stubs
exception_stubs:
    .set vector, 0
    .rept 32
    .balign 16
    /* 8, 10 to 14, 17, 21, 29 and 30 push an error code. */
    .if !((0x60227D00 >> vector) & 1)
    push $0
    .endif
    push $vector
    jmp exception_common
    .set vector, vector + 1
    .endr

exception_common: /* stack: vector, error code, RIP, CS, RFLAGS, RSP, SS */
    push_general_registers
    push %rax
    cld
    mov %rsp, %rdi
    call handle_exception
    pop %rax
    pop_general_registers
    add $16, %rsp
    iretq

    .section .note.GNU-stack, "", @progbits
