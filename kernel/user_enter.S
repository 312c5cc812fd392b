/* SPDX-License-Identifier: MIT */
/* Into a program at CPL 3, and its way out by returning. */

    .text

/* void user_enter(const struct trap_frame *frame): all registers from there; interrupts are off. */
    .globl user_enter
user_enter:
    mov %rdi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    add $16, %rsp /* vector, error code */
    iretq

    .section .user_text, "ax"

    .globl user_return
user_return:
    mov %rax, %rdi
    xor %eax, %eax /* USER_CALL_EXIT */
    int $0x80
    ud2

    .section .note.GNU-stack, "", @progbits
