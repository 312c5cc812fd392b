/* SPDX-License-Identifier: MIT */
/* Into a program at CPL 3, and its way out by returning. */

    .text

/* void user_enter(const struct trap_frame *frame): all registers from there, as after a trap; interrupts are off. */
    .globl user_enter
user_enter:
    mov %rdi, %rsp
    jmp trap_return

    .section .user_text, "ax"

    .globl user_return
user_return:
    mov %rax, %rdi
    xor %eax, %eax /* USER_CALL_EXIT */
    int $0x80
    ud2

    .section .note.GNU-stack, "", @progbits
